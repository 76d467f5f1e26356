"""Labels compared with the predictions of models that did not see the row."""
