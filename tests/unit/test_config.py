"""Options: one declaration, a fixed precedence, and complaints that name file, key and line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aligntui.config.key_overrides import key_name, override_keys
from aligntui.config.load import explain, login_name, prevail, resolve_settings
from aligntui.config.options import BY_NAME, OPTIONS, Layer, Settings, Source, options_table
from aligntui.config.paths import Workspace
from aligntui.config.toml_file import line_of, read_config
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.prompt_format import Mode

ROOT = Path(__file__).resolve().parents[2]
IDS = ("global.help", "board.tie", "board.undo", "board.left_better", "prompt.send", "list.down")
DEFAULTS = {"board.tie": "3", "board.undo": "u", "prompt.send": "enter", "list.down": "j", "global.help": "f1"}


@pytest.fixture
def place(tmp_path: Path):
    """A workspace and an environment whose user file is `tmp_path/user.toml` once it is written."""

    class Place:
        workspace = Workspace(tmp_path / "w")
        user = tmp_path / "config" / "aligntui" / "config.toml"
        env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "LOGNAME": "ada"}  # noqa: RUF012

        def resolve(self, flags=None, env=None, **keys) -> Settings:
            return resolve_settings(
                self.workspace, flags, {**self.env, **(env or {})}, **({"known_key_ids": IDS} | keys)
            )

        def complaint(self, text: str, **keys) -> str:
            self.workspace.config.write_text(text)
            with pytest.raises(UserError) as caught:
                self.resolve(**keys)
            message = str(caught.value)
            assert str(self.workspace.config) in message
            return message.replace(str(self.workspace.config), "FILE")

    Place.user.parent.mkdir(parents=True)
    Place.workspace.root.mkdir()
    return Place()


# precedence -------------------------------------------------------------------------------------


def test_the_first_layer_that_has_a_name_prevails() -> None:
    layers = [{"a": (1, Source(Layer.FLAG))}, {"a": (2, Source(Layer.USER)), "b": (3, Source(Layer.USER))}]
    assert prevail(layers) == {"a": (1, Source(Layer.FLAG)), "b": (3, Source(Layer.USER))}


def test_every_layer_beats_those_below_it(place) -> None:
    assert place.resolve().seed == 0
    place.user.write_text("[options]\nseed = 1\ntop_p = 0.5")
    assert place.resolve().seed == 1
    place.workspace.config.write_text("[options]\nseed = 2")
    assert place.resolve().seed == 2
    assert place.resolve(env={"ALIGNTUI_SEED": "3"}).seed == 3
    settings = place.resolve({"seed": 4, "temperature": None}, {"ALIGNTUI_SEED": "3"})
    assert settings.seed == 4
    assert settings.sources["seed"] == Source(Layer.FLAG, "--seed")
    assert settings.sources["top_p"] == Source(Layer.USER, str(place.user))
    assert settings.sources["temperature"] == Source(Layer.DEFAULT)


def test_a_flag_at_its_default_value_still_beats_a_file(place) -> None:
    place.workspace.config.write_text("[options]\nseed = 2")
    assert place.resolve({"seed": 0}).seed == 0


def test_an_empty_variable_counts_as_not_set(place) -> None:
    assert place.resolve(env={"ALIGNTUI_SEED": "", "ALIGNTUI_MODEL": ""}) == place.resolve()


def test_settings_come_in_their_own_types(place) -> None:
    place.workspace.config.write_text('[options]\nstrength = 2\nmode = "ita"\nadapter = "demo@20"\nblind = true')
    settings = place.resolve(env={"ALIGNTUI_REDUCED_MOTION": "yes"})
    assert (settings.strength, type(settings.strength)) == (2.0, float)
    assert settings.mode is Mode.ITA
    assert settings.adapter == ("demo@20",)
    assert settings.blind is True
    assert settings.reduced_motion is True
    assert settings.sampling.top_p == 0.95
    assert settings.as_dict()["adapter"] == ["demo@20"]


def test_several_adapters_from_every_layer_and_none_at_all(place) -> None:
    assert place.resolve({"adapter": ["a", "b"]}).adapter == ("a", "b")
    assert place.resolve({"adapter": []}).adapter == ("demo",)
    assert place.resolve({"adapter": [""]}).adapter == ()
    assert place.resolve(env={"ALIGNTUI_ADAPTER": "a, b"}).adapter == ("a", "b")
    place.workspace.config.write_text("[options]\nadapter = []")
    assert place.resolve().adapter == ()


def test_the_annotator_is_the_login_name_unless_said(place) -> None:
    assert place.resolve().annotator == "ada"
    assert place.resolve({"annotator": "grace"}).annotator == "grace"
    assert login_name({})


# values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("dtype", "bf16", "bfloat16"),
        ("dtype", "fp32", "float32"),
        ("quantisation", "none", ""),
        ("temperature", "0", 0.0),
        ("threads", " 4 ", 4),
        ("blind", "Off", False),
        ("theme", " x ", " x "),
    ],
)
def test_typed_texts_are_read(name: str, text: str, value: object) -> None:
    assert BY_NAME[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("temperature", "hot", "--temperature must be a number from 0 to 5, not 'hot'."),
        ("temperature", "nan", "--temperature must be a number from 0 to 5, not nan."),
        ("temperature", "-0.1", "--temperature must be a number from 0 to 5, not -0.1."),
        ("strength", "2.01", "--strength must be a number from 0 to 2, not 2.01."),
        ("top_p", "0", "--top-p must be a number above 0 and at most 1, not 0."),
        ("temperature", " 99 ", "--temperature must be a number from 0 to 5, not 99."),
        ("seed", "1.5", "--seed must be a whole number from 0 to 2^63 - 1, not '1.5'."),
        ("seed", str(2**63), "--seed must be a whole number from 0 to 2^63 - 1, not 9223372036854775808."),
        ("max_new_tokens", "0", "--max-new-tokens must be a whole number from 1 to 1000000, not 0."),
        ("blind", "maybe", "--blind must be true or false, not 'maybe'."),
        ("mode", "sytem", "--mode must be one of system, ita, injection, none, not 'sytem'. Did you mean 'system'?"),
        ("quantisation", "int8", "--quantisation must be one of '' (none), nf4, not 'int8'."),
    ],
)
def test_wrong_texts_are_refused_in_a_sentence(name: str, text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        BY_NAME[name].parse(text)
    assert str(caught.value).startswith(complaint)


def test_a_wrong_variable_is_named(place) -> None:
    with pytest.raises(UserError, match="ALIGNTUI_SEED must be a whole number"):
        place.resolve(env={"ALIGNTUI_SEED": "many"})


def test_every_option_is_declared_whole() -> None:
    for option in OPTIONS:
        assert option.help.endswith("."), option.name
        assert option.group in ("model", "memory", "answer", "instruction", "judging", "screen"), option.name
        assert bool(option.metavar) != (option.type is bool), option.name
        assert option.check(option.default) == option.default, option.name
        assert option.env not in ("ALIGNTUI_CONFIG", "ALIGNTUI_CACHE", "ALIGNTUI_STATE", "ALIGNTUI_WORKSPACE")
    assert Settings().model == "embedded"


def test_the_table_for_the_docs_has_every_option() -> None:
    table = options_table()
    assert len(table.splitlines()) == len(OPTIONS) + 2
    assert "| `top_p` | `--top-p` | `0.95` | a number above 0 and at most 1 |" in table
    assert "`--blind` / `--no-blind` | `false`" in table
    assert all(line.count("|") == 6 for line in table.splitlines())


# files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\n[options]\n# warm\ntemperature = 'hot'", "FILE, line 4: temperature must be a number from 0 to 5, not 'hot'."),
        ("[options]\nseed = true", "FILE, line 2: seed must be a whole number from 0 to 2^63 - 1, not true."),
        ("[options]\nseed = 1.0", "FILE, line 2: seed must be a whole number from 0 to 2^63 - 1, not 1.0."),
        ("[options]\nadapter = [1]", "FILE, line 2: adapter must be a list of texts, not [1]."),
        ("[options]\ntheme = 7", "FILE, line 2: theme must be a text, not 7."),
        ("[options]\nblind = 'yes'", "FILE, line 2: blind must be true or false, not 'yes'."),
        ("[options]\nmode = 'chat'", "FILE, line 2: mode must be one of system, ita, injection, none, not 'chat'."),
        ("options.strength = 3", "FILE, line 1: strength must be a number from 0 to 2, not 3."),
        ("[options]\nsead = 3", "FILE, line 2: there is no option 'sead'. Did you mean 'seed'?"),
        ("[option]\nseed = 3", "FILE, line 1: there is no table [option]. Did you mean 'options'?"),
        ("seed = 3", "FILE, line 1: the option seed stands outside a table. Put it under a line [options]."),
        ("options = 3", "FILE, line 1: options must be a table, not 3. Write [options] on a line of its own."),
        ("[options]\nseed 3", "FILE, line 2: not valid TOML: expected '=' after a key in a key/value pair."),
        ("[options]\nseed = 3\nseed = 4", "FILE, line 3: not valid TOML: cannot overwrite a value."),
        ("[options]\ntheme = \"\"\"open", "FILE, line 2: not valid TOML"),
    ],
)  # fmt: skip
def test_complaints_name_file_key_and_line(place, text: str, complaint: str) -> None:
    assert place.complaint(text).startswith(complaint)


def test_a_file_that_is_overruled_is_still_checked(place) -> None:
    place.user.write_text("[options]\nseed = -1")
    with pytest.raises(UserError, match=r"config.toml, line 2: seed"):
        place.resolve({"seed": 1})


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("[options]\nseed = 3\ntrust_remote_code = true", 3, "trust_remote_code"),
        ("[options]\ntrust_remote_code = false", 2, "trust_remote_code"),
        ("options = { editor = 'sh -c evil' }", 1, "editor"),
        ("\n[options]\n'editor' = 7", 3, "editor"),
    ],
)
def test_the_file_of_a_workspace_lets_nothing_run(place, text: str, line: int, name: str) -> None:
    message = place.complaint(text)
    assert message.startswith(f"FILE, line {line}: {name} cannot be set in the file of a workspace")
    option = BY_NAME[name]
    assert str(place.user) in message and option.flag in message and option.env in message
    place.workspace.config.write_text(text)
    with pytest.raises(UserError):
        place.resolve({name: option.default}, {option.env: str(option.default)})


def test_what_lets_programs_run_is_the_users_own_to_set(place) -> None:
    assert [option.name for option in OPTIONS if option.personal] == ["trust_remote_code", "editor"]
    place.user.write_text("[options]\ntrust_remote_code = true\neditor = 'vi'")
    settings = place.resolve()
    assert (settings.trust_remote_code, settings.editor) == (True, "vi")
    assert place.resolve(env={"ALIGNTUI_EDITOR": "nano"}).editor == "nano"
    assert place.resolve({"trust_remote_code": False}).trust_remote_code is False


def test_a_file_that_the_user_named_must_be_there(place, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no configuration file .*absent.toml.*ALIGNTUI_CONFIG"):
        place.resolve(env={"ALIGNTUI_CONFIG": str(tmp_path / "absent.toml")})


def test_a_file_that_is_not_text_or_cannot_be_read(place) -> None:
    place.workspace.config.write_bytes(b"[options]\nseed = 3\ntheme = '\xff'\n")
    with pytest.raises(UserError, match="line 3: the file is not UTF-8"):
        place.resolve()
    place.workspace.config.unlink()
    place.workspace.config.mkdir()
    with pytest.raises(EnvironmentProblem, match="cannot be read: Is a directory"):
        place.resolve()


def test_empty_files_windows_lines_and_a_byte_order_mark_are_fine(place) -> None:
    place.workspace.config.write_bytes(b"\xef\xbb\xbf[options]\r\n# no\r\nseed = 9\r\n")
    place.user.write_text(" \n")
    assert place.resolve().seed == 9
    assert place.resolve().sources["seed"].place == str(place.workspace.config)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[options]\nseed = 3", 2),
        ("[options]\n\n# seed = 1\ntheme = '''\nseed = 2\n'''\nseed = 3\n", 7),
        ('[options]\nadapter = [\n  "a",\n]\n"seed" = 3', 5),
        ("options = { theme = 'x', seed = 3 }", 1),
        ("[keys]\nseed = 'x'\n[options]\r\nseed = 3", 4),
        ("[options]\ntheme = 'x'", 0),
    ],
)
def test_the_line_of_a_key(text: str, line: int) -> None:
    assert line_of(text, "options", "seed") == line


def test_config_show_says_which_layer_won(place) -> None:
    place.workspace.config.write_text("[options]\n\nseed = 2")
    rows = {row["option"]: row for row in explain(place.resolve({"strength": 1.5}, {"ALIGNTUI_MODE": "ita"}))}
    assert list(rows) == [option.name for option in OPTIONS]
    here = str(place.workspace.config)
    assert rows["seed"] == {
        "option": "seed", "value": 2, "default": 0, "source": "workspace file", "place": here, "line": 3,
    }  # fmt: skip
    assert (rows["strength"]["source"], rows["strength"]["place"]) == ("flag", "--strength")
    assert (rows["mode"]["source"], rows["mode"]["value"]) == ("environment", "ita")
    assert (rows["theme"]["source"], rows["theme"]["line"]) == ("default", None)
    place.workspace.config.unlink()
    gone = {row["option"]: row for row in explain(Settings(sources={"seed": Source(Layer.USER, here)}))}
    assert gone["seed"]["line"] is None


# keys -------------------------------------------------------------------------------------------


def test_keys_are_joined_action_by_action(place) -> None:
    place.user.write_text('[keys]\n"board.tie" = "0"\nboard.undo = "ctrl+z, Z"\n')
    place.workspace.config.write_text('[keys]\nboard.tie = "="')
    assert place.resolve().keys == {"board.tie": "equals_sign", "board.undo": "ctrl+z,Z"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[keys]\nboard.tied = '3'", "FILE, line 2: there is no action 'board.tied'. Did you mean 'board.tie'?"),
        ("[keys]\n\nboard.tie = 3", "FILE, line 3: board.tie must be a text with one or more keys, not 3."),
        ("[keys]\nboard.tie = ''", "FILE, line 2: board.tie must name a key at each comma, and '' does not."),
        ("[keys]\nboard.tie = 'a,,b'", "FILE, line 2: board.tie must name a key at each comma"),
        ("[keys]\nboard.tie = 'escap'", "FILE, line 2: board.tie names the key 'escap', which is no key. Did you mean 'escape'?"),
        ("[keys]\nboard.tie = 'control+s'", "FILE, line 2: board.tie names the key 'control+s', which is no key. Keys look"),
        ("[keys]\nboard.tie = 'a b'", "FILE, line 2: board.tie names the key 'a b', which is no key."),
        ("[keys]\nboard.tie = 'x'\nboard.undo = 'x'", "FILE, line 2: board.tie takes the key 'x', which board.undo has as well."),
    ],
)  # fmt: skip
def test_wrong_keys_are_refused(place, text: str, complaint: str) -> None:
    assert place.complaint(text).startswith(complaint)


def test_a_key_may_serve_in_contexts_that_are_never_live_together(place) -> None:
    place.workspace.config.write_text("[keys]\nboard.tie = 'x'\nlist.down = 'x'")
    keys = {"key_defaults": DEFAULTS, "key_clashes": (("global", "list"), ("global", "board"))}
    assert place.resolve(**keys).keys == {"board.tie": "x", "list.down": "x"}
    message = place.complaint("[keys]\nlist.down = 'f1'", **keys)
    assert "line 2: list.down takes the key 'f1', which global.help has as well" in message
    message = place.complaint("[keys]\nboard.tie = 'u'", **keys)
    assert "board.tie takes the key 'u', which board.undo has as well" in message
    place.workspace.config.write_text("[keys]\nboard.tie = 'u'\nboard.undo = '3'")
    assert place.resolve(**keys).keys == {"board.tie": "u", "board.undo": "3"}


def test_defaults_that_share_a_key_are_not_the_users_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[keys]\nboard.tie = 'q'")
    file = read_config(path, known_options=[])
    defaults = {"board.undo": "u", "board.left_better": "u"}
    assert override_keys([file], IDS, defaults=defaults) == {"board.tie": "q"}


def test_without_ids_the_consoles_own_table_is_taken(place) -> None:
    place.workspace.config.write_text("[keys]\nglobal.quit = 'ctrl+x'")
    assert place.resolve(known_key_ids=None).keys == {"global.quit": "ctrl+x"}
    message = place.complaint("[keys]\nglobal.quit = 'f1'", known_key_ids=None)
    assert "global.quit takes the key 'f1', which global.help has as well" in message


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("?", "question_mark"), ("/", "slash"), ("-", "minus"), ("+", "plus"), ("a", "a"), ("A", "A"), ("é", "é"),
        ("Ctrl+S", "ctrl+s"), ("F5", "f5"), ("Escape", "escape"), ("ctrl+/", "ctrl+slash"), ("shift+tab", "shift+tab"),
    ],
)  # fmt: skip
def test_keys_get_the_names_that_textual_gives_them(typed: str, name: str) -> None:
    assert key_name(typed) == name


def test_the_names_are_those_of_the_textual_in_use() -> None:
    import string

    keys = pytest.importorskip("textual.keys")
    for character in string.punctuation:
        assert key_name(character) == keys._character_to_key(character)


# cost -------------------------------------------------------------------------------------------


def test_importing_is_light() -> None:
    code = (
        "import sys, aligntui.config.load, aligntui.data.instruction_library, aligntui.data.adapter_folders\n"
        "heavy = {'torch', 'typer', 'sqlite_utils', 'asyncio', 'textual', 'rich', 'tomllib', 'safetensors', 'logging'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
