"""Keys of the screens beside the chat, and those of lists."""

from __future__ import annotations

from aligntui.config.key_action import KeyAction

SCREEN_KEYS: tuple[KeyAction, ...] = (
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
    KeyAction("train.back", "escape,alt+1,ctrl+l", "back", "Back", "Back to the chat; runs go on.", footer=3),
    KeyAction("train.new", "n", "new", "New", "Start a run, or put one into the queue.", footer=4),
    KeyAction(
        "train.stop",
        "s,ctrl+c",
        "stop",
        "Stop",
        "Stop the run after the step at hand, with a checkpoint; take a waiting one out of the queue.",
        footer=5,
    ),
    KeyAction("train.resume", "r", "resume", "Go on", "Go on with the run from its last checkpoint.", footer=5),
    KeyAction(
        "train.checkpoint",
        "w",
        "checkpoint",
        "Checkpoint",
        "Let the run write a checkpoint after the step at hand.",
        footer=9,
    ),
    KeyAction(
        "train.column",
        "c",
        "column",
        "Column",
        "Open a checkpoint of the run as a column of the chat, beside the base.",
        footer=6,
    ),
    KeyAction(
        "train.mark", "space", "mark", "Overlay", "Lay the curves of the marked runs over one another.", footer=7
    ),
    KeyAction(
        "train.zoom", "z,o", "zoom", "Zoom", "Show the run alone, or the list beside it (Enter does, too).", footer=8
    ),
    KeyAction(
        "train.next_panel", "right,l", "walk(1)", "Next curve", "The next curves; of samples a later step.", footer=10
    ),
    KeyAction(
        "train.previous_panel", "left,h", "walk(-1)", "Curve before", "The curves before; of samples an earlier step."
    ),
    KeyAction(
        "train.next_view", "tab", "view(1)", "Next view", "Curves, what they say, samples, log, set-up.", footer=11
    ),
    KeyAction("train.previous_view", "shift+tab", "view(-1)", "View before", "The view before."),
    KeyAction("train.curves", "1", "look('curves')", "Curves", "The curves of the run, or of all marked runs."),
    KeyAction("train.says", "2", "look('says')", "Says", "What the curves say, in words, and the last values."),
    KeyAction(
        "train.samples", "3", "look('samples')", "Samples", "Sample answers at every checkpoint, beside the first ones."
    ),
    KeyAction("train.log", "4", "look('log')", "Log", "The end of what the run's process printed."),
    KeyAction("train.setup", "5", "look('setup')", "Set-up", "Configuration, data and lineage."),
    KeyAction("train.scroll_down", "ctrl+d", "scroll(1)", "Page down", "Scroll what is said of the run."),
    KeyAction("train.scroll_up", "ctrl+u", "scroll(-1)", "Page up", "Scroll it back."),
    KeyAction(
        "train.earlier",
        "K,shift+up",
        "move(-1)",
        "Earlier",
        "Let the waiting run come earlier in the queue.",
        footer=12,
    ),
    KeyAction(
        "train.later", "J,shift+down", "move(1)", "Later", "Let the waiting run come later in the queue.", footer=12
    ),
    KeyAction(
        "train.delete",
        "D",
        "delete",
        "Delete",
        "Delete the run with its checkpoints and its adapter; asks for its name.",
    ),
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
