"""Small training scripts as PyTorch's users write them: each takes the library, and gives the losses that it saw.

Weights and samples come from NumPy's generator, so that both libraries begin alike.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

T = Any  # torch, or graphc by that name


def began(torch: T, model: Any, seed: int = 0) -> Any:
    """The model with weights that are the same in every library."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(rng.standard_normal(tuple(parameter.shape)) * 0.3))
    return model


def sample(torch: T, *shape: int, seed: int = 1) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def generative_adversarial(torch: T) -> list[float]:
    nn, optim = torch.nn, torch.optim

    class Generator(nn.Module):
        def __init__(self, latent: int) -> None:
            super().__init__()
            self.main = nn.Sequential(nn.Linear(latent, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 2), nn.Tanh())

        def forward(self, z: Any) -> Any:
            return self.main(z)

    generator, critic = (
        began(torch, Generator(3)),
        began(torch, nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))),
    )
    criterion = nn.BCEWithLogitsLoss()
    by_critic = optim.Adam(critic.parameters(), lr=2e-2, betas=(0.5, 0.999))
    by_generator = optim.Adam(generator.parameters(), lr=2e-2, betas=(0.5, 0.999))
    losses = []
    for step in range(4):
        real, noise = sample(torch, 6, 2, seed=step), sample(torch, 6, 3, seed=step + 50)
        fake = generator(noise)
        critic.zero_grad()
        ones, zeros = torch.ones(real.size(0), 1), torch.zeros_like(fake[:, :1])
        loss = criterion(critic(real), ones) + criterion(critic(fake.detach()), zeros)
        loss.backward()
        by_critic.step()
        generator.zero_grad()
        deceived = criterion(critic(fake), ones)
        deceived.backward()
        by_generator.step()
        losses += [loss.item(), deceived.item()]
    return losses


def variational_autoencoder(torch: T) -> list[float]:
    nn, F = torch.nn, torch.nn.functional

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode, self.mean, self.log_variance = nn.Linear(6, 5), nn.Linear(5, 2), nn.Linear(5, 2)
            self.decode = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 6), nn.Sigmoid())

        def forward(self, x: Any, noise: Any) -> Any:
            h = F.relu(self.encode(x.view(-1, 6)))
            mean, log_variance = self.mean(h), self.log_variance(h)
            std = torch.exp(0.5 * log_variance)
            return self.decode(mean + noise * std), mean, log_variance

    model = began(torch, VAE())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.sigmoid(sample(torch, 4, 2, 3))
    losses = []
    for epoch in range(4):
        optimizer.zero_grad(set_to_none=True)
        again, mean, log_variance = model(x, sample(torch, 4, 2, seed=epoch))
        entropy = F.binary_cross_entropy(again, x.view(-1, 6), reduction="sum")
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        loss = entropy + divergence
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def characters(torch: T) -> list[float]:
    nn = torch.nn
    text = "hello tensors hello"
    places = {c: i for i, c in enumerate(sorted(set(text)))}
    data = torch.tensor([places[c] for c in text], dtype=torch.long)

    class Net(nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.embed = nn.Embedding(size, 4)
            self.rnn = nn.GRU(4, 6, batch_first=True)
            self.out = nn.Linear(6, size)

        def forward(self, x: Any, state: Any = None) -> Any:
            y, state = self.rnn(self.embed(x), state)
            return self.out(y), state

    model = began(torch, Net(len(places)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    state, losses = None, []
    for step in range(3):
        chunk = data[step * 6 : step * 6 + 7].unsqueeze(0)
        logits, state = model(chunk[:, :-1], state)
        state = state.detach()
        loss = nn.functional.cross_entropy(logits.reshape(-1, logits.size(-1)), chunk[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits, _ = model(data[None, :3])
        best = torch.argmax(torch.softmax(logits[0, -1] / 0.8, dim=-1)).item()
    return [*losses, best, optimizer.param_groups[0]["lr"]]


def transformer(torch: T) -> list[float]:
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.heads, self.qkv, self.project = heads, nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
            self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
            self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            self.register_buffer("mask", torch.tril(torch.ones(8, 8)).view(1, 1, 8, 8))

        def forward(self, x: Any) -> Any:
            B, L, C = x.shape
            q, k, v = self.qkv(self.first(x)).split(C, dim=2)
            q, k, v = (p.view(B, L, self.heads, C // self.heads).transpose(1, 2) for p in (q, k, v))
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            scores = scores.masked_fill(self.mask[:, :, :L, :L] == 0, float("-inf"))
            y = (F.softmax(scores, dim=-1) @ v).transpose(1, 2).contiguous().view(B, L, C)
            x = x + self.project(y)
            return x + self.mlp(self.second(x))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(7, 8), nn.Embedding(8, 8)
            self.blocks = nn.ModuleList([Block(8, 2) for _ in range(2)])
            self.head = nn.Linear(8, 7, bias=False)
            self.tokens.weight = self.head.weight  # tied

        def forward(self, i: Any) -> Any:
            x = self.tokens(i) + self.places(torch.arange(i.shape[1], device=i.device))
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    model = began(torch, Model())
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    groups = [{"params": decayed, "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]  # fmt: skip
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 3))
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, 7, (2, 9)))
    losses = []
    for _ in range(3):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return [*losses, sum(p.numel() for p in model.parameters() if p.requires_grad)]


def matrix_factorisation(torch: T) -> list[float]:
    nn = torch.nn

    class Factors(nn.Module):
        def __init__(self, users: int, items: int, rank: int) -> None:
            super().__init__()
            self.users, self.items = nn.Embedding(users, rank), nn.Embedding(items, rank)
            self.bias = nn.Embedding(items, 1)

        def forward(self, user: Any, item: Any) -> Any:
            return (self.users(user) * self.items(item)).sum(1) + self.bias(item).squeeze()

    model = began(torch, Factors(5, 6, 3))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.3)
    rng = np.random.default_rng(3)
    user, item = (torch.LongTensor(rng.integers(0, n, 12)) for n in (5, 6))
    rating = torch.FloatTensor(rng.uniform(1, 5, 12)).double()
    data = torch.utils.data.TensorDataset(user, item, rating)
    losses = []
    for _ in range(3):
        for u, i, r in torch.utils.data.DataLoader(data, batch_size=5):
            loss = ((model(u, i) - r) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
    return losses


def physics(torch: T) -> list[float]:
    """u'' = -u with u(0) = 0 and u'(0) = 1."""
    nn = torch.nn
    net = began(torch, nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1)))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(4):
        t = torch.linspace(0, 1, 7).view(-1, 1).requires_grad_(True)
        u = net(t)
        du = torch.autograd.grad(u, t, grad_outputs=torch.ones_like(u), create_graph=True)[0]
        ddu = torch.autograd.grad(du, t, torch.ones_like(du), create_graph=True)[0]
        start = torch.zeros(1, 1, requires_grad=True)
        at_start = net(start)
        slope = torch.autograd.grad(at_start, start, create_graph=True)[0]
        loss = torch.mean((ddu + u) ** 2) + at_start.pow(2).squeeze() + (slope - 1).pow(2).squeeze()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach().item())
    return losses


def policy_gradient(torch: T) -> list[float]:
    nn, F = torch.nn, torch.nn.functional
    policy = began(torch, nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)))
    value = began(torch, nn.Linear(3, 1), seed=5)
    optimizer = torch.optim.RMSprop([*policy.parameters(), *value.parameters()], lr=1e-2)
    rng, losses = np.random.default_rng(2), []
    for episode in range(3):
        kept, rewards, values, entropy = [], [], [], 0.0
        for step in range(4):
            state = sample(torch, 3, seed=10 * episode + step)
            logits = policy(state)
            log_p = F.log_softmax(logits, dim=-1)
            action = int(rng.integers(0, 2))
            kept.append(log_p[action])
            entropy = entropy - (log_p.exp() * log_p).sum()
            values.append(value(state))
            rewards.append(float(action == step % 2))
        returns, total = [], 0.0
        for reward in reversed(rewards):
            total = reward + 0.9 * total
            returns.insert(0, total)
        returns_ = torch.tensor(returns)
        returns_ = (returns_ - returns_.mean()) / (returns_.std() + 1e-6)
        values_ = torch.cat(values)
        advantage = returns_ - values_.detach()
        loss = -(torch.stack(kept) * advantage).sum() + F.smooth_l1_loss(values_, returns_) - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def meta_learning(torch: T) -> list[float]:
    F = torch.nn.functional
    w = [sample(torch, 4, 1, seed=1).requires_grad_(), torch.zeros(4, requires_grad=True),
         sample(torch, 1, 4, seed=2).requires_grad_(), torch.zeros(1, requires_grad=True)]  # fmt: skip
    optimizer = torch.optim.SGD(w, lr=0.05)

    def net(x: Any, weights: Any) -> Any:
        return F.linear(torch.tanh(F.linear(x, weights[0], weights[1])), weights[2], weights[3])

    losses = []
    for step in range(3):
        outer = 0.0
        for task in range(2):
            x = torch.linspace(-1, 1, 5).unsqueeze(1)
            y = torch.sin(3 * x + task + step)
            inner = F.mse_loss(net(x, w), y)
            gradients = torch.autograd.grad(inner, w, create_graph=True)
            fast = [p - 0.1 * g for p, g in zip(w, gradients, strict=True)]
            outer = outer + F.mse_loss(net(x + 0.1, fast), y)
        optimizer.zero_grad()
        outer.backward()
        optimizer.step()
        losses.append(outer.item())
    return losses


def gathered(torch: T) -> list[float]:
    """Messages on a graph: einsum, gather, scatter."""
    w = (sample(torch, 3, 3) * 0.5).requires_grad_()
    attention = sample(torch, 6).requires_grad_()
    source, target = torch.tensor([0, 1, 2, 3, 0, 2]), torch.tensor([1, 2, 3, 0, 2, 0])
    x = sample(torch, 4, 3, seed=4)
    losses = []
    for _ in range(3):
        h = torch.einsum("ni,io->no", x, w)
        scores = torch.exp(F_leaky(torch, (h[source] * h[target]).sum(-1) + attention))
        total = torch.zeros(4).scatter_add_(0, target, scores)
        weights = scores / total[target]
        out = torch.zeros(4, 3).index_add(0, target, weights.unsqueeze(-1) * h[source])
        best = out.topk(2, dim=1).values.sum() + out.gather(1, torch.tensor([[0], [1], [2], [0]])).sum()
        loss = out.norm(dim=1).mean() - 0.1 * best + torch.where(out > 0, out, -0.5 * out).var()
        gradients = torch.autograd.grad(loss, (w, attention))
        with torch.no_grad():
            for p, g in zip((w, attention), gradients, strict=True):
                p.sub_(0.1 * g)
        losses.append(loss.item())
    return losses


def F_leaky(torch: T, x: Any) -> Any:
    return torch.nn.functional.leaky_relu(x, negative_slope=0.2)


def rate_finder(torch: T) -> list[float]:
    nn = torch.nn
    model = began(torch, nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.0), nn.Linear(5, 1)))
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    x, y = sample(torch, 8, 3), sample(torch, 8, 1, seed=9)
    rate, smooth, losses = 1e-4, 0.0, []
    for step in range(1, 6):
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = nn.MSELoss()(model(x), y)
        smooth = 0.9 * smooth + 0.1 * loss.item()
        losses.append(smooth / (1 - 0.9**step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate *= 4
    model.load_state_dict(before)
    model.eval()
    return [*losses, model(x).sum().item()]


def gradient_penalty(torch: T) -> list[float]:
    nn = torch.nn
    critic = began(torch, nn.Sequential(nn.Linear(2, 6), nn.Softplus(), nn.Linear(6, 1)))
    optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-3)
    losses = []
    for step in range(3):
        real, fake = sample(torch, 5, 2, seed=step), sample(torch, 5, 2, seed=step + 20) + 1
        share = torch.from_numpy(np.random.default_rng(step).random((5, 1)))
        mixed = (share * real + (1 - share) * fake).requires_grad_(True)
        scores = critic(mixed)
        gradient = torch.autograd.grad(
            outputs=scores, inputs=mixed, grad_outputs=torch.ones(scores.size()), create_graph=True, retain_graph=True,
            only_inputs=True,
        )[0]  # fmt: skip
        penalty = ((gradient.view(gradient.size(0), -1).norm(2, dim=1) - 1) ** 2).mean() * 10
        loss = critic(fake).mean() - critic(real).mean() + penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for p in critic.parameters():
            p.data.clamp_(-0.8, 0.8)
        losses.append(loss.item())
    return losses


def contrastive(torch: T) -> list[float]:
    nn, F = torch.nn, torch.nn.functional
    encoder = began(torch, nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)))
    slow = copy.deepcopy(encoder)
    for p in slow.parameters():
        p.requires_grad = False
    temperature = nn.Parameter(torch.tensor(0.5))
    optimizer = torch.optim.AdamW([{"params": encoder.parameters()}, {"params": [temperature], "lr": 1e-3}], lr=1e-2)
    losses = []
    for step in range(3):
        x = sample(torch, 5, 4, seed=step)
        a, b = F.normalize(encoder(x), dim=1), F.normalize(encoder(x + 0.1), dim=1)
        with torch.no_grad():
            keys = F.normalize(slow(x), dim=-1)
        z = torch.cat([a, b], dim=0)
        similar = (z @ z.T / temperature.abs()).masked_fill(torch.eye(10, dtype=torch.bool), -1e9)
        labels = torch.cat([torch.arange(5, 10), torch.arange(0, 5)])
        loss = F.cross_entropy(similar, labels) + F.cosine_embedding_loss(a, keys, torch.ones(5))
        loss = loss + F.triplet_margin_loss(a, b, b.roll(1, 0)) + F.kl_div(F.log_softmax(a, 1), F.softmax(keys, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for p, q in zip(encoder.parameters(), slow.parameters(), strict=True):
                q.mul_(0.9).add_(p, alpha=0.1)
        losses.append(loss.item())
    return losses


def own_function(torch: T) -> list[float]:
    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, scale: float) -> Any:
            ctx.scale = scale
            ctx.save_for_backward(x)
            return torch.round(x * scale) / scale

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return gradient * (x.abs() <= 2).to(gradient.dtype), None

    seen: list[float] = []
    w = sample(torch, 4, 2).requires_grad_()
    x, losses = sample(torch, 6, 4, seed=3), []
    w.register_hook(lambda g: g.clamp(-1, 1))
    for _ in range(3):
        h = x @ w
        h.retain_grad()
        handle = h.register_hook(lambda g: seen.append(g.norm().item()))
        loss = (Rounded.apply(torch.tanh(h), 8.0) - 0.3).square().mean()
        loss.backward()
        handle.remove()
        seen.append(h.grad.abs().sum().item())
        with torch.no_grad():
            w -= 0.5 * w.grad
            w.grad.zero_()
        losses.append(loss.item())
    return losses + seen


def checkpointed(torch: T) -> list[float]:
    from importlib import import_module

    checkpoint = import_module(f"{torch.__name__}.utils.checkpoint").checkpoint
    nn = torch.nn
    model = began(torch, nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.ELU()) for _ in range(3)]))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4, eta_min=1e-3)
    losses = []
    for step in range(4):
        x = sample(torch, 3, 4, seed=step)
        for block in model:
            x = checkpoint(block, x, use_reentrant=False)
        loss = x.pow(2).mean() / 2
        loss.backward()
        if step % 2:
            optimizer.step()
            optimizer.zero_grad()
        scheduler.step()
        losses += [loss.item(), scheduler.get_last_lr()[0]]
    return losses


def transforms(torch: T) -> list[float]:
    func = torch.func
    model = began(torch, torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)))
    weights = {name: p.detach() for name, p in model.named_parameters()}
    x, y = sample(torch, 4, 2), sample(torch, 4, 1, seed=7)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        return ((func.functional_call(model, weights, (x,)) - y) ** 2).mean()

    each = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(weights, x, y)
    whole, value = func.grad_and_value(loss)(weights, x, y)
    jacobian = func.jacrev(lambda v: torch.sin(v) * v.sum())(x[0])
    hessian = func.hessian(lambda v: (v**3).sum() + v.prod())(x[0])
    _, tangent = func.jvp(torch.cos, (x,), (torch.ones_like(x),))
    _, pull = func.vjp(lambda v: v.exp().sum(0), x)
    found = [value, each["0.weight"].norm(), whole["2.bias"].sum(), jacobian.sum(), hessian.det(), tangent.sum(),
             pull(torch.ones(2))[0].sum()]  # fmt: skip
    return [v.item() for v in found]


SCRIPTS = (
    generative_adversarial, variational_autoencoder, characters, transformer, matrix_factorisation, physics,
    policy_gradient, meta_learning, gathered, rate_finder, gradient_penalty, contrastive, own_function, checkpointed,
    transforms,
)  # fmt: skip
