"""All that a caller may ask of sessions: made, bound, paired, decided about, removed; and the instances behind them."""
