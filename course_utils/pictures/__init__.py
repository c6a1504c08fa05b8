"""Where pictures come from: data sets, folders, the data doctor, and the garments that are drawn."""
