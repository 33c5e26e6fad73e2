"""What answers and verdicts add up to: checkers, suites, statistics, reports. No weights, no screens, no database.

Statistics stand here by themselves, over plain numbers; what is counted from verdicts stands in `verdicts`. Every rate
carries its interval, its chance level and what was left out. No module of this package imports numpy, scipy, pandas or
evalica before a function is called that needs them: a console that shows a live share stays quick to start.
"""
