"""Read folders of documents and split them: what it takes, and what of their text is said to be hidden.

    python benchmarks/documents.py FOLDER [FOLDER …] [--most 256] [--list 20]
    python benchmarks/documents.py --long 50

The second form reads texts of so many MB, as one line and without spaces, each in a process of its own, and
prints processor seconds and the peak of its memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from steelyard.retrieve.documents import documents_findings, read_documents, split_passages

LONG = {
    "one line": "The quick brown fox, said Dr. Smith, jumps over 3 dogs. ",
    "no spaces": "abcdefghij",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--most", type=int, default=256, help="tokens of a passage")
    parser.add_argument("--overlap", type=int, default=32)
    parser.add_argument("--list", type=int, default=0, help="hidden texts to print")
    parser.add_argument("--long", type=int, default=0, help="MB of one line, and of no spaces")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        long_text(args.child, args.long, args.most, args.overlap)
    elif args.long:
        for name in LONG:
            subprocess.run(
                [sys.executable, __file__, "--child", name, "--long", str(args.long)], check=True
            )
    else:
        folders(args)


def folders(args: argparse.Namespace) -> None:
    started = time.perf_counter()
    corpus = read_documents(args.folders)
    reading = time.perf_counter() - started
    started = time.perf_counter()
    passages = [split_passages(d, most=args.most, overlap=args.overlap) for d in corpus.documents]
    splitting = time.perf_counter() - started
    count = sum(map(len, passages))
    facts = documents_findings(corpus).facts
    hidden = [(document.name, item) for document in corpus.documents for item in document.hidden]
    print(f"files     {facts['files']}; documents {Counter(d.kind for d in corpus.documents)}")
    print(
        f"text      {facts['characters']:,} characters, {count:,} passages of at most {args.most} tokens"
    )
    print(f"seconds   reading {reading:.1f}, splitting {splitting:.1f}")
    print(
        f"hidden    {len(hidden):,} texts ({100 * len(hidden) / max(1, count):.3f} % of passages)"
    )
    print(f"kinds     {dict(Counter(item.kind for _, item in hidden).most_common())}")
    for name, item in hidden[: args.list]:
        print(f"  {name}: {item.kind} {item.where}: {item.text[:100]!r}")
    for outcome in corpus.of_state("refused")[: args.list]:
        print(f"  refused {outcome}")


def long_text(name: str, megabytes: int, most: int, overlap: int) -> None:
    size = megabytes * 2**20
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.txt"
        with path.open("w") as file:
            piece = LONG[name] * 10_000
            for _ in range(size // len(piece)):
                file.write(piece)
        before = resource.getrusage(resource.RUSAGE_SELF)
        corpus = read_documents([path])
        passages = split_passages(corpus.documents[0], most=most, overlap=overlap)
        after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{name:<10} {megabytes} MB: {len(passages):,} passages, {seconds:.1f} processor seconds, "
        f"peak {after.ru_maxrss // 1024} MB"
    )


if __name__ == "__main__":
    main()
