"""What is read out of words: terms, sentences, names, dates."""
