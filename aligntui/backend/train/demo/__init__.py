"""The bundled demo adapter: `python -m aligntui.backend.train.demo --ship adapters/demo`.

`records` reads the opposed pairs, `run` freezes them as a run and trains it by the trainer that users have, `answering` asks
base and adapter, `effect` counts what came of it, `measuring` joins the two, `card` writes it into the adapter's card.
"""
