"""Statistics over instruction switching: one prompt, several instructions, and whether the answer shows which one it had.

Everything starts from `AnswerCell`, a plain value that someone else fills, and from sentence embeddings that come from
outside as an array. `report.switch_report` puts the measures of one run together; `suites` and `length` hold the three
suites of two opposed instructions, `efficiency` the comparison of several runs.

Rules that hold throughout:
- Prompts are resampled whole: the answers of one prompt, under all instructions, seeds and sides, are one draw.
- Complete grids alone count: a prompt, side and seed with an answer under each of the M instructions. There chance is
  exactly 1 / M, and a run that is still going compares like with like. What is left out is counted with its reason.
- An empty answer was given: it counts as not switched. It has no meaning to embed, so its grid gives no shift, fidelity or
  robustness.
"""
