"""The loss core of training: what a step computes, without the loop around it.

`pairs` lays a batch out, `policy` runs one model as policy and reference, `vocabulary` turns hidden states into
log-probabilities and KL without a full logit tensor, `objectives` and `config` say what is minimised, `step` joins them.
"""
