"""Every action of the console that has a key: one table for bindings, help, palette, docs and the `[keys]` of a config file.

`context` says where the key is live: `global` everywhere, `chat` anywhere on the chat screen, `board` on the chat
screen while no text box has the focus, `prompt` in the prompt box, `list` in lists, pickers and texts to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KeyAction:
    """One action and its default keys."""

    id: str
    """Name in the config file: `context.verb`."""
    keys: str
    """Default keys, comma-separated, in Textual's names."""
    action: str
    """Action method without its `action_` prefix."""
    label: str
    """One or two words for the footer."""
    help: str
    """One sentence for help, palette and docs."""
    footer: int = 0
    """Its rank in the footer when it applies: 1 is left out last; 0 is never there."""

    @property
    def context(self) -> str:
        """Where the key is live."""
        return self.id.partition(".")[0]


ACTIONS: tuple[KeyAction, ...] = (
    KeyAction(
        "global.help", "f1", "show_help", "Help", "Explain the focused pane and list the keys that apply.", footer=1
    ),
    KeyAction(
        "global.palette",
        "ctrl+p",
        "command_palette",
        "Commands",
        "Open the command palette: every action by name, themes included.",
        footer=20,
    ),
    KeyAction(
        "global.messages", "f10", "show_messages", "Messages", "Read the last messages in full, each with its time."
    ),
    KeyAction(
        "global.quit", "ctrl+q", "quit", "Quit", "Leave. Everything that was flagged or finished is already stored."
    ),
    KeyAction(
        "chat.escape",
        "escape",
        "escape",
        "Answers",
        "Stop the answers and keep what is there; when nothing streams, go from the prompt box to the answers.",
        footer=3,
    ),
    KeyAction("chat.stop", "ctrl+c", "stop", "Stop", "Stop the answers and keep what is there."),
    KeyAction(
        "chat.instructions",
        "f2",
        "pick_instruction",
        "Instruct",
        "Pick an alignment instruction from the library.",
        footer=12,
    ),
    KeyAction(
        "chat.adapters",
        "f3",
        "pick_adapter",
        "Adapter",
        "Pick an adapter or a checkpoint for the focused column, without reloading the base.",
        footer=18,
    ),
    KeyAction("chat.editor", "f4", "open_editor", "Editor", "Write the prompt (or the instruction) in $EDITOR."),
    KeyAction(
        "chat.rerun",
        "f5,ctrl+r",
        "rerun",
        "Re-run",
        "Answer the current turn again in place under the instruction and settings as they are now.",
        footer=11,
    ),
    KeyAction(
        "chat.mode",
        "f6",
        "cycle_mode",
        "Mode",
        "Switch how the instruction reaches the model: system slot, ITA block, injection, none.",
    ),
    KeyAction(
        "chat.view",
        "f7",
        "cycle_view",
        "View",
        "Cycle the view: plain, word diff, per-token log-probability gap.",
        footer=17,
    ),
    KeyAction(
        "chat.settings", "f8", "settings", "Settings", "Change sampling, seed, mode, history and blind mode.", footer=21
    ),
    KeyAction(
        "chat.sessions", "f9", "sessions", "Sessions", "List, search, resume, rename and export sessions.", footer=19
    ),
    KeyAction(
        "chat.switch",
        "ctrl+o,alt+2",
        "switch",
        "Switch",
        "Ask one prompt under many instructions at once, and see which answers follow theirs.",
        footer=16,
    ),
    KeyAction(
        "chat.pairs",
        "ctrl+g,alt+3",
        "pairs",
        "Pairs",
        "Browse, filter, tag, edit and delete every pair of the workspace.",
        footer=17,
    ),
    KeyAction(
        "chat.restart",
        "f12",
        "restart_engine",
        "Restart",
        "Start the engine again after it went away or failed to load.",
        footer=2,
    ),
    KeyAction(
        "chat.focus_instruction",
        "ctrl+t",
        "focus_instruction",
        "Edit instr.",
        "Go to the instruction bar and edit its text.",
    ),
    KeyAction("prompt.send", "enter", "send", "Send", "Send the prompt to every column.", footer=2),
    KeyAction(
        "prompt.newline",
        "ctrl+j,shift+enter,alt+enter",
        "newline",
        "New line",
        "Start a new line in the prompt.",
        footer=22,
    ),
    KeyAction(
        "prompt.older",
        "ctrl+up",
        "recall_older",
        "Earlier",
        "Recall the earlier prompt (plain up does so on the first line).",
    ),
    KeyAction(
        "prompt.newer",
        "ctrl+down",
        "recall_newer",
        "Later",
        "Recall the later prompt (plain down does so on the last line).",
    ),
    KeyAction("board.left_better", "1", "judge('left')", "Left", "The left answer is better.", footer=4),
    KeyAction("board.right_better", "2", "judge('right')", "Right", "The right answer is better.", footer=5),
    KeyAction("board.tie", "3", "judge('tie')", "Tie", "The two are equally good.", footer=6),
    KeyAction("board.both_bad", "4", "judge('bad')", "Bad", "Both are bad.", footer=7),
    KeyAction(
        "board.skip", "5", "judge('skip')", "Skip", "No verdict; noted, so that it is not asked again.", footer=8
    ),
    KeyAction(
        "board.undo",
        "u",
        "undo",
        "Undo",
        "Take the last verdict back (a row that says so is added; nothing is deleted).",
        footer=10,
    ),
    KeyAction("board.note", "t", "note", "Reason", "Write a reason and tags for the last verdict."),
    KeyAction(
        "board.edit",
        "e",
        "edit_answer",
        "Edit",
        "Edit the focused answer; the edited one can become chosen and the original rejected.",
        footer=14,
    ),
    KeyAction(
        "board.regenerate",
        "r",
        "regenerate",
        "New seed",
        "Answer the selected turn again with the next seed.",
        footer=13,
    ),
    KeyAction(
        "board.continue",
        "c",
        "continue_answer",
        "Continue",
        "Let the focused answer go on where it stopped.",
        footer=15,
    ),
    KeyAction(
        "board.version",
        "v",
        "version",
        "Version",
        "Show the focused answer's other versions: as generated, edited, continued.",
    ),
    KeyAction(
        "board.branch",
        "b",
        "branch",
        "Branch",
        "Go on from the selected turn: what comes after it stays in its own branch.",
    ),
    KeyAction(
        "board.edit_prompt",
        "p",
        "edit_prompt",
        "Edit prompt",
        "Take the selected turn's prompt into the prompt box and send it as a new branch.",
    ),
    KeyAction(
        "board.older_take",
        "comma,less_than_sign",
        "take(-1)",
        "Take ◂",
        "Show the turn's earlier answers, each with the instruction that made it.",
    ),
    KeyAction("board.newer_take", "full_stop,greater_than_sign", "take(1)", "Take ▸", "Show the turn's later answers."),
    KeyAction(
        "board.older_branch",
        "left_curly_bracket",
        "branch_switch(-1)",
        "Branch ◂",
        "Show the earlier branch at the selected turn.",
    ),
    KeyAction(
        "board.newer_branch",
        "right_curly_bracket",
        "branch_switch(1)",
        "Branch ▸",
        "Show the later branch at the selected turn.",
    ),
    KeyAction(
        "board.weaker",
        "left_square_bracket",
        "strength(-0.1)",
        "Weaker",
        "Turn the focused adapter down by 0.1 (0 is the base).",
    ),
    KeyAction(
        "board.stronger",
        "right_square_bracket",
        "strength(0.1)",
        "Stronger",
        "Turn the focused adapter up by 0.1 (at most 2).",
    ),
    KeyAction(
        "board.add_column",
        "plus",
        "add_column",
        "Column +",
        "Add a column with another adapter, checkpoint or strength.",
    ),
    KeyAction(
        "board.remove_column",
        "minus",
        "remove_column",
        "Column -",
        "Remove the focused column; its answers stay stored.",
    ),
    KeyAction(
        "board.blind",
        "x",
        "toggle_blind",
        "Blind",
        "Blind mode: sides shuffled and unnamed until judged; the order is recorded.",
    ),
    KeyAction("board.previous_turn", "K,shift+up", "select_turn(-1)", "Turn ▴", "Select the turn above."),
    KeyAction("board.next_turn", "J,shift+down", "select_turn(1)", "Turn ▾", "Select the turn below."),
    KeyAction("board.previous_pane", "h,left", "focus_pane(-1)", "Pane ◂", "Focus the pane to the left."),
    KeyAction("board.next_pane", "l,right", "focus_pane(1)", "Pane ▸", "Focus the pane to the right."),
    KeyAction("board.zoom", "z", "zoom", "Zoom", "Show the focused pane alone, or all panes again."),
    KeyAction(
        "board.details",
        "i",
        "details",
        "Conditions",
        "Show every condition of the focused answer, and in what the two answers differ.",
        footer=16,
    ),
    KeyAction(
        "board.copy",
        "y",
        "copy_answer",
        "Copy",
        "Copy the focused answer (OSC 52, also through tmux; a file when it is too long).",
    ),
    KeyAction("board.copy_code", "Y", "copy_code", "Copy code", "Copy the next code block of the focused answer."),
    KeyAction("board.new_session", "n", "new_session", "New", "Start a new session; this one stays in the list."),
    KeyAction("board.prompt", "slash,a,enter", "focus_prompt", "Prompt", "Go to the prompt box.", footer=9),
    KeyAction("board.down", "j,down", "scroll_by(2)", "Down", "Scroll down."),
    KeyAction("board.up", "k,up", "scroll_by(-2)", "Up", "Scroll up."),
    KeyAction(
        "board.top", "g,home", "scroll_edge(-1)", "Top", "Go to the first turn loaded; once more loads earlier ones."
    ),
    KeyAction("board.bottom", "G,end", "scroll_edge(1)", "Bottom", "Go to the last turn."),
    KeyAction(
        "pairs.back", "escape,alt+1,ctrl+g", "back", "Back", "Close what is open, then go back to the chat.", footer=3
    ),
    KeyAction("pairs.open", "o", "open", "Read", "Read the pair under the cursor (Enter does, too).", footer=12),
    KeyAction("pairs.search", "slash", "search", "Search", "Search prompts and answers.", footer=4),
    KeyAction("pairs.filter", "f", "filter", "Filter", "Choose which pairs are listed.", footer=5),
    KeyAction("pairs.sort", "s", "sort", "Sort", "List in the next order.", footer=10),
    KeyAction(
        "pairs.mark", "space", "mark", "Mark", "Mark the pair under the cursor, or take its mark away.", footer=7
    ),
    KeyAction("pairs.mark_all", "asterisk", "mark_all", "All", "Mark every pair under the filter, or none.", footer=11),
    KeyAction(
        "pairs.delete", "d", "delete", "Delete", "Take the marked pairs out, or the one under the cursor.", footer=6
    ),
    KeyAction("pairs.restore", "D", "restore", "Bring back", "Bring deleted pairs back."),
    KeyAction("pairs.undo", "u", "undo", "Undo", "Take the last change of this screen back.", footer=8),
    KeyAction("pairs.tag", "t", "tag", "Tag", "Reason and tags of the pair; tags of all marked ones.", footer=9),
    KeyAction("pairs.edit", "e", "edit('chosen')", "Edit", "Edit the chosen answer.", footer=13),
    KeyAction("pairs.edit_rejected", "E", "edit('rejected')", "Edit rejected", "Edit the rejected answer."),
    KeyAction("pairs.diff", "w", "diff", "Diff", "Mark the words in which the two answers differ, or not.", footer=14),
    KeyAction("pairs.open_turn", "c", "open_turn", "Chat", "Show the turn in the chat.", footer=15),
    KeyAction("pairs.next", "J,n", "step(1)", "Next", "The next pair, also while one is read."),
    KeyAction("pairs.previous", "K,p", "step(-1)", "Previous", "The pair before, also while one is read."),
    KeyAction(
        "pairs.enqueue",
        "q",
        "enqueue",
        "Queue",
        "Put the marked pairs into the judging queue, to be judged blind by you too.",
        footer=16,
    ),
    KeyAction(
        "pairs.queue",
        "Q",
        "queue",
        "Judge",
        "Judge the queue: one pair after another, sampled ones included.",
        footer=13,
    ),
    KeyAction(
        "pairs.lint", "L", "lint", "Lint", "Look for defects in the pairs, and fix or waive what is found.", footer=12
    ),
    KeyAction(
        "pairs.stats", "S", "stats", "Statistics", "Measure the annotators and the sides that were judged.", footer=12
    ),
    KeyAction(
        "pairs.import",
        "i",
        "import",
        "Import",
        "Bring pairs in from a file or the hub, after a look at them.",
        footer=12,
    ),
    KeyAction("queue.left_better", "1", "judge('left')", "A", "A is better.", footer=2),
    KeyAction("queue.right_better", "2", "judge('right')", "B", "B is better.", footer=2),
    KeyAction("queue.tie", "3", "judge('tie')", "Tie", "The two are equally good.", footer=2),
    KeyAction("queue.both_bad", "4", "judge('bad')", "Bad", "Both are bad.", footer=2),
    KeyAction(
        "queue.skip", "5", "judge('skip')", "Skip", "No verdict; noted, so that it is not asked again.", footer=2
    ),
    KeyAction(
        "queue.undo", "u", "undo", "Undo", "Take the last verdict of this sitting back and judge it again.", footer=4
    ),
    KeyAction("queue.back", "escape", "back", "Back", "Leave; what is not judged stays in the queue.", footer=3),
    KeyAction(
        "queue.sample",
        "s",
        "sample",
        "Sample",
        "Sample answers to a list of prompts and propose the pairs that differ most.",
        footer=5,
    ),
    KeyAction(
        "queue.stop",
        "ctrl+c",
        "stop",
        "Stop",
        "Stop sampling after the batch at hand; what came is proposed.",
        footer=3,
    ),
    KeyAction("queue.down", "j,down", "scroll(2)", "Down", "Scroll both answers down."),
    KeyAction("queue.up", "k,up", "scroll(-2)", "Up", "Scroll both answers up."),
    KeyAction("lint.back", "escape", "back", "Back", "Go back to the rules, then to the pairs.", footer=3),
    KeyAction(
        "lint.open", "o", "open", "Open", "Open the rule, or read the pairs of the finding (Enter does, too).", footer=4
    ),
    KeyAction(
        "lint.table", "p", "table", "Pairs", "List the pairs of the finding, or of the rule, in the table.", footer=7
    ),
    KeyAction("lint.fix", "f", "fix", "Fix", "Fix the finding under the cursor; asks first.", footer=5),
    KeyAction(
        "lint.fix_rule",
        "F",
        "fix_rule",
        "Fix all",
        "Fix every open finding of the rule or pattern; asks first.",
        footer=6,
    ),
    KeyAction("lint.undo", "u", "undo", "Undo", "Bring back what the last fix deleted.", footer=8),
    KeyAction(
        "lint.waive",
        "w",
        "waive",
        "Waive",
        "Let the finding stand, with a reason; on the rules, all of the rule or pattern, today and later.",
        footer=7,
    ),
    KeyAction("lint.waivers", "W", "waivers", "Waivers", "List what was waived and why, and withdraw it.", footer=9),
    KeyAction(
        "lint.settings",
        "s",
        "settings",
        "Settings",
        "Give a training length, suites and patterns, and look again.",
        footer=9,
    ),
    KeyAction("lint.run", "R", "run_again", "Run", "Look at all pairs again.", footer=8),
    KeyAction("lint.stop", "ctrl+c", "stop", "Stop", "Stop the run; what the last one found stays.", footer=2),
    KeyAction(
        "switch.back",
        "escape,alt+1,ctrl+o",
        "back",
        "Back",
        "From the prompt to the grid, from there to the chat.",
        footer=3,
    ),
    KeyAction("switch.prompt", "slash,a", "prompt", "Prompt", "Go to the prompt.", footer=2),
    KeyAction("switch.left", "left,h", "move(0, -1)", "Left", "Go to the side on the left."),
    KeyAction("switch.right", "right,l", "move(0, 1)", "Right", "Go to the side on the right."),
    KeyAction("switch.up", "up,k", "move(-1, 0)", "Up", "Go to the instruction above."),
    KeyAction("switch.down", "down,j", "move(1, 0)", "Down", "Go to the instruction below."),
    KeyAction("switch.open", "enter,o", "open", "Open", "Read the cell in full, with its conditions.", footer=6),
    KeyAction(
        "switch.pin", "p", "pin", "Pin", "Pin the cell, or take the pin away; what follows compares with it.", footer=4
    ),
    KeyAction("switch.diff", "w", "diff", "Diff", "Mark what the pinned cell does not say, or not.", footer=9),
    KeyAction(
        "switch.oppose",
        "x",
        "oppose",
        "Oppose",
        "Make two contrastive pairs of this cell and the pinned one: each is chosen under its own instruction.",
        footer=5,
    ),
    KeyAction(
        "switch.prefer_pinned",
        "1",
        "prefer('pinned')",
        "Pinned",
        "Flag a pair: the pinned cell is better than this one.",
        footer=7,
    ),
    KeyAction(
        "switch.prefer",
        "2",
        "prefer('this')",
        "This",
        "Flag a pair: this cell is better than the pinned one.",
        footer=7,
    ),
    KeyAction("switch.undo", "u", "undo", "Undo", "Take back the last pairs that were flagged here.", footer=8),
    KeyAction(
        "switch.edit",
        "e",
        "edit",
        "Edit",
        "Edit the instruction of the row; only its cells are asked again.",
        footer=10,
    ),
    KeyAction(
        "switch.changed",
        "f5,ctrl+r",
        "ask_changed",
        "Ask",
        "Ask every cell that has no answer to what is asked now.",
        footer=11,
    ),
    KeyAction("switch.again_row", "r", "again('row')", "Row", "Ask the row again, under another seed.", footer=12),
    KeyAction(
        "switch.again_side", "c", "again('side')", "Column", "Ask the column again, under another seed.", footer=13
    ),
    KeyAction("switch.again_cell", "n", "again('cell')", "Cell", "Ask the cell again, under another seed."),
    KeyAction("switch.rows", "f2", "rows", "Instructions", "Choose the instructions of the rows.", footer=14),
    KeyAction("switch.runs", "b", "runs", "Runs", "Measure many prompts: begin, watch and read runs.", footer=9),
    KeyAction("switch.page_down", "pagedown,J", "scroll(1)", "Page down", "Scroll the cell that is read."),
    KeyAction("switch.page_up", "pageup,K", "scroll(-1)", "Page up", "Scroll it back."),
    KeyAction("switch.restart", "f12", "restart", "Restart", "Start the engine again after it went away.", footer=2),
    KeyAction("switch.stop", "ctrl+c", "stop", "Stop", "Stop the answers and keep those that are whole.", footer=2),
    KeyAction("runs.back", "escape", "back", "Back", "Back to the grid; a run under way goes on.", footer=3),
    KeyAction("runs.new", "n", "new", "New", "Begin a run.", footer=4),
    KeyAction("runs.resume", "r", "resume", "Go on", "Go on with the run under the cursor.", footer=5),
    KeyAction(
        "runs.report", "o", "report", "Report", "Measure the run and read the report (Enter does, too).", footer=6
    ),
    KeyAction(
        "runs.export", "m", "export", "Export", "Write the report as Markdown, HTML, CSV, JSON and figures.", footer=7
    ),
    KeyAction("runs.stop", "ctrl+c", "stop", "Stop", "Stop the run; it can be gone on with.", footer=2),
    KeyAction("stats.back", "escape,q", "back", "Back", "Go back to the pairs.", footer=3),
    KeyAction("stats.annotators", "1", "section(1)", "Annotators", "Every annotator measured."),
    KeyAction("stats.agreement", "2", "section(2)", "Agreement", "Two annotators on the same pairs."),
    KeyAction("stats.judges", "3", "section(3)", "Judges", "Model judges held against a person."),
    KeyAction("stats.win_rates", "4", "section(4)", "Win rates", "Each side against the base."),
    KeyAction("stats.ratings", "5", "section(5)", "Ratings", "Ratings of three or more sides."),
    KeyAction("stats.next", "tab,l,right", "step(1)", "Next", "The next section.", footer=4),
    KeyAction("stats.previous", "shift+tab,h,left", "step(-1)", "Previous", "The section before."),
    KeyAction("stats.run", "R", "run_again", "Again", "Compute everything again.", footer=6),
    KeyAction("stats.stop", "ctrl+c", "stop", "Stop", "Stop computing; what was computed before stays.", footer=2),
    KeyAction("list.down", "j", "cursor_down", "Down", "Move down (the arrow does, too)."),
    KeyAction("list.up", "k", "cursor_up", "Up", "Move up (the arrow does, too)."),
    KeyAction("list.page_down", "pagedown", "page_down", "Page down", "Move down by a page."),
    KeyAction("list.page_up", "pageup", "page_up", "Page up", "Move up by a page."),
    KeyAction("list.first", "g", "first", "First", "Go to the beginning."),
    KeyAction("list.last", "G", "last", "Last", "Go to the end."),
)

BY_ID = {action.id: action for action in ACTIONS}
CLASHES = (
    ("global", "chat"),
    ("global", "board"),
    ("chat", "board"),
    ("global", "prompt"),
    ("chat", "prompt"),
    ("global", "list"),
    ("global", "pairs"),
    ("list", "pairs"),
    ("global", "queue"),
    ("global", "lint"),
    ("list", "lint"),
    ("global", "stats"),
    ("list", "stats"),
    ("global", "switch"),
    ("global", "runs"),
    ("list", "runs"),
)
"""Contexts that are live at the same time, so that one key cannot serve two actions there (nor twice in one context)."""


def with_default_keys(text: str) -> str:
    """A text whose `{key:ID}` placeholders are filled with default keys, for faces that have none of their own."""
    return PLACEHOLDER.sub(
        lambda found: display(BY_ID[found[2]].keys.split(",")[0]) if found[2] in BY_ID else found[0], text
    )


def keys_table() -> str:
    """The table of keys for the docs, as Markdown."""
    rows = ["| key | action | what it does |", "|---|---|---|"]
    for action in ACTIONS:
        keys = ", ".join(f"`{display(key)}`" for key in action.keys.split(","))
        rows.append(f"| {keys} | `{action.id}` | {action.help} |")
    return "\n".join(rows)


PLACEHOLDER = re.compile(r"\{(keys?):([a-z_]+\.[a-z_]+)\}")
"""How a text names the key of an action: `{key:ID}` for the first, `{keys:ID}` for all of them."""

_NAMES = {
    "comma": ",", "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "left_square_bracket": "[", "right_square_bracket": "]", "plus": "+", "minus": "-",
    "slash": "/", "asterisk": "*", "escape": "esc", "question_mark": "?",
}  # fmt: skip


def display(key: str) -> str:
    """A key as a person writes it: `full_stop` is `.`, `ctrl+p` is `^p`."""
    key = key.strip()
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("ctrl+"):
        return "^" + key[5:]
    return key.upper() if key.startswith("f") and key[1:].isdigit() else key
