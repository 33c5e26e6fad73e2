"""Statistics over verdicts: how steady the annotator is, who agrees with whom, which side wins, what to judge next.

Everything starts from `Judgement`, a plain value that someone else fills from the database.
"""
