"""The ground floor: argument checks, recipes, data sets and history. Imports no framework."""
