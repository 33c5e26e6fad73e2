"""One training run: the process `python -m aligntui.backend.train.run FOLDER`.

`records` and `encoding` turn the frozen data into tokens, `model` loads the base and puts adapters on, `trainer` and
`hooks` drive transformers' Trainer with the loss step of `losses`, `checkpoints` keeps the state, `running` joins them.
"""
