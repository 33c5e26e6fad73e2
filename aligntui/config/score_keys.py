"""Keys of the score screen, and of the results that it opens."""

from __future__ import annotations

from aligntui.config.key_action import KeyAction

SCORE_KEYS: tuple[KeyAction, ...] = (
    KeyAction("score.back", "escape,alt+1", "back", "Back", "Back to the chat; a run under way goes on.", footer=3),
    KeyAction("score.new", "n", "new", "New", "Begin a run, or one of each of several suites.", footer=4),
    KeyAction(
        "score.stop",
        "s,ctrl+c",
        "stop",
        "Stop",
        "Stop the run under way and take those that wait out of the queue; whole answers are kept.",
        footer=2,
    ),
    KeyAction("score.resume", "r", "resume", "Go on", "Go on with the run under the cursor.", footer=5),
    KeyAction(
        "score.open",
        "o",
        "open",
        "Results",
        "Judge the run and show its tables, down to each prompt (Enter does, too).",
        footer=6,
    ),
    KeyAction("score.mark", "space", "mark", "Mark", "Mark the run for a comparison, or take its mark away.", footer=8),
    KeyAction(
        "score.compare",
        "c",
        "compare",
        "Compare",
        "Compare the marked runs, the one marked first being the base line.",
        footer=7,
    ),
    KeyAction("score.unmark", "backspace", "unmark", "Unmark", "Take all marks away.", footer=9),
    KeyAction("score.zoom", "z", "zoom", "Zoom", "Show the run alone, or the list beside it.", footer=11),
    KeyAction(
        "score.export", "m", "export", "Export", "Write the report as Markdown, HTML, CSV, JSON and figures.", footer=10
    ),
    KeyAction("score.scroll_down", "ctrl+d", "scroll(1)", "Page down", "Scroll what is said of the run."),
    KeyAction("score.scroll_up", "ctrl+u", "scroll(-1)", "Page up", "Scroll it back."),
    KeyAction("scored.back", "escape", "back", "Back", "Back to the list, then to the runs.", footer=3),
    KeyAction(
        "scored.next_view", "tab", "view(1)", "Next view", "Scores, prompts, summary and what else there is.", footer=5
    ),
    KeyAction("scored.previous_view", "shift+tab", "view(-1)", "View before", "The view before."),
    KeyAction("scored.scores", "1", "look('scores')", "Scores", "Every rate of two columns, and what separates them."),
    KeyAction("scored.prompts", "2", "look('prompts')", "Prompts", "Every prompt with both answers, flips first."),
    KeyAction(
        "scored.summary",
        "3",
        "look('summary')",
        "Summary",
        "What the scores say, in words; coverage, notes, deliveries.",
    ),
    KeyAction(
        "scored.progression", "4", "look('progression')", "Progression", "Failures of each version, and the reduction."
    ),
    KeyAction("scored.models", "5", "look('models')", "Models", "One card for each adapter, across the suites."),
    KeyAction(
        "scored.open", "o", "open", "Open", "From a rate to its prompts, from a prompt to its answers.", footer=4
    ),
    KeyAction(
        "scored.flips",
        "f",
        "filter('flips')",
        "Flips",
        "Only prompts on which the two columns differ, or all.",
        footer=6,
    ),
    KeyAction(
        "scored.first", "a", "filter('first')", "Left", "Only what the left column fails, passes, or both.", footer=8
    ),
    KeyAction(
        "scored.second",
        "b",
        "filter('second')",
        "Right",
        "Only what the right column fails, passes, or both.",
        footer=8,
    ),
    KeyAction(
        "scored.failed", "x", "filter('failed')", "Failed", "Only what at least one column fails, or all.", footer=9
    ),
    KeyAction("scored.clear", "0", "clear", "All", "Take every filter away.", footer=7),
    KeyAction("scored.next_pair", "right,l", "pair(1)", "Next pair", "Compare the next two columns.", footer=10),
    KeyAction("scored.previous_pair", "left,h", "pair(-1)", "Pair before", "Compare the two columns before."),
    KeyAction(
        "scored.loose", "w", "loose", "Loose", "Read loosely in place of strictly, or strictly again.", footer=11
    ),
    KeyAction("scored.suite", "s", "suite", "Suite", "The next suite of the comparison.", footer=9),
    KeyAction("scored.again", "R", "again", "Again", "Judge again, with the answers that came since.", footer=2),
    KeyAction("scored.report", "t", "report", "Report", "Read the whole report.", footer=12),
    KeyAction(
        "scored.export",
        "m",
        "export",
        "Export",
        "Write the report as Markdown, HTML, CSV, JSON and figures.",
        footer=13,
    ),
    KeyAction("scored.next", "J,n", "step(1)", "Next prompt", "The next prompt, also while one is read.", footer=14),
    KeyAction("scored.previous", "K,p", "step(-1)", "Prompt before", "The prompt before, also while one is read."),
    KeyAction("scored.scroll_down", "ctrl+d", "scroll(1)", "Page down", "Scroll the answers."),
    KeyAction("scored.scroll_up", "ctrl+u", "scroll(-1)", "Page up", "Scroll them back."),
)
