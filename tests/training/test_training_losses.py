import pytest
import torch
from torch.nn.functional import normalize

from training.losses import contrastive, divergence, equal, others, similarities


def test_equal_texts_share_their_row() -> None:
    texts = torch.eye(8)[[0, 1, 0, 2]]
    half = torch.tensor([0.5, 0, 0.5, 0])
    expected = torch.stack([half, torch.eye(4)[1], half, torch.eye(4)[3]])
    assert torch.equal(equal(texts), expected)


def test_texts_that_are_only_alike_stay_apart() -> None:
    near = normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1]]))
    assert torch.equal(equal(near), torch.eye(2))


def test_similarities_are_those_of_float32_nearly() -> None:
    torch.manual_seed(0)
    x, y = normalize(torch.randn(9, 64)), normalize(torch.randn(7, 64))
    torch.testing.assert_close(similarities(x, y), x @ y.T, atol=2e-3, rtol=0)
    assert similarities(x, y).dtype == torch.float32


def test_pairs_that_match_cost_less_than_pairs_that_do_not() -> None:
    target, scores = torch.eye(4), 20 * torch.eye(4)
    assert contrastive(scores, target) < 1e-6
    assert contrastive(scores.roll(1, dims=0), target) == pytest.approx(20, abs=1e-4)


def test_both_ways_count() -> None:
    """Texts that all prefer one image are wrong by rows of one direction only."""
    torch.manual_seed(0)
    scores, target = torch.randn(5, 5), torch.eye(5)
    assert contrastive(scores, target) == pytest.approx(contrastive(scores.T, target).item())


def test_a_distribution_does_not_diverge_from_itself() -> None:
    torch.manual_seed(0)
    logits = torch.randn(6, 9)
    assert divergence(logits, logits + 3).abs() < 1e-6
    wanted = torch.tensor([[0.0, -1e4]])
    assert divergence(wanted, torch.zeros(1, 2)) == pytest.approx(0.6931, abs=1e-4)


def test_no_row_is_its_own_neighbour() -> None:
    scores = torch.ones(3, 3, requires_grad=True)
    shares = torch.softmax(others(scores, 0.1), dim=1)
    assert torch.equal(shares.diagonal(), torch.zeros(3))
    assert torch.equal(shares.sum(dim=1), torch.ones(3))
    divergence(torch.zeros(3, 3), others(scores, 0.1)).backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
