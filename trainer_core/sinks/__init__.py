"""The sinks of a run: console, `trainer.log`, journal and TensorBoard.

A sink is any callable that takes an event of `events`; `events.Fanout` passes each event to several sinks.
"""
