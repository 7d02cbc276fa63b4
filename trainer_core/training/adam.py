"""The optimizer of a run: PyTorch's Adam without its import of PyTorch's compiler."""

from __future__ import annotations

import inspect

import torch


class Adam(torch.optim.Adam):
    """Adam whose first use does not import `torch._dynamo`, which takes more than a second.

    PyTorch wraps these methods to keep its compiler out of them. A step is never compiled here, so the methods within
    the wrappers do the same.
    """

    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Adam.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Adam.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Adam.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
