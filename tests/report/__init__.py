"""Reports: what they say of a floor that was really run, in both languages and all formats."""
