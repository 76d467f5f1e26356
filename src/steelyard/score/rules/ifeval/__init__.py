"""The 25 verifiable instructions of IFEval, under their own ids and with the data set's keys.

Zhou, Lu, Mishra, Brahma, Basu, Luan, Zhou and Hou (2023), "Instruction-Following Evaluation for Large
Language Models", arXiv:2311.07911. Written from the paper's descriptions and the data set. Sentences
are told by our own splitter and languages by py3langid, where the authors used nltk and langdetect;
a figure can differ by what these see differently.
"""
