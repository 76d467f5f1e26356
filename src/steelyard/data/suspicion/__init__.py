"""Labels held against what a model that did not see the row would say."""
