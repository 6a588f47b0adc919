"""What several tests of the DCGAN paper's rows need."""

import pytest
import torch


@pytest.fixture
def tf32():
    """Coarse products are allowed, as they are while networks train on a GPU."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = before
