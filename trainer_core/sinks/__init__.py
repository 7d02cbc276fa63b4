"""Those who listen to a run: the console, `trainer.log`, the journal, TensorBoard. They know events.py only.

A sink is any callable that takes an event; `events.Fanout` passes each event to several of them.
"""
