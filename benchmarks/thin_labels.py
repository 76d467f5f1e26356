"""How well a label is found when only a few of its training rows are left.

    python benchmarks/thin_labels.py PATH/TO/banking77

Each of banking77's 77 intents keeps 2, 5, 10, 20 or all of its training rows while most
others keep theirs (eleven intents are thinned at a time); the figure is their mean recall on
the test file by TF-IDF and a linear SVM, as the strategy ``tfidf_linear`` has it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from banking77 import Bank, read
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

KEPT = (2, 5, 10, 20, None)
AT_A_TIME = 11


def recalls(bank: Bank, kept: int | None) -> list[float]:
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    train_x = vectors.fit_transform([text for text, _ in bank.train])
    test_x = vectors.transform([text for text, _ in bank.test])
    train_y, test_y = (np.array([label for _, label in part]) for part in (bank.train, bank.test))
    found = []
    for start in range(0, len(bank.labels), AT_A_TIME):
        thin = bank.labels[start : start + AT_A_TIME]
        keep = np.ones(len(train_y), dtype=bool)
        for label in thin if kept is not None else ():
            keep[np.flatnonzero(train_y == label)[kept:]] = False
        guess = LinearSVC(C=1.0).fit(train_x[keep], train_y[keep]).predict(test_x)
        found += [float(np.mean(guess[test_y == label] == label)) for label in thin]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    bank = read(parser.parse_args().folder, labels=77)
    for kept in KEPT:
        mean = np.mean(recalls(bank, kept))
        print(f"{'all' if kept is None else kept:>4} training rows of the label: recall {mean:.2f}")


if __name__ == "__main__":
    main()
