"""IFEval: answers held against instructions that a program can check.

    prompts = read_prompts(Path("ifeval.jsonl"))
    scoring = score_answers(prompts, read_responses(Path("answers.jsonl"), prompts))
    summary = summarise(scoring)

Verdicts equal those of lm-evaluation-harness 0.4.13, whose readings of the instructions are kept where they are odd; each
checker says so. Importing this package loads neither NLTK nor langdetect nor scipy; scoring does.
"""
