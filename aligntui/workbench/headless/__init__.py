"""The workbench without a screen, one module for each thing that is asked of it.

`aligntui chat`, `aligntui pairs add` and `aligntui models pull` call `ask`, `verdict` and `pull`; they drive the same `Chat`,
`Judge` and `EngineLink` as the console. Pinned in tests/cli/test_chat.py and tests/cli/test_pairs.py.
"""
