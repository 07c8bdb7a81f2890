"""A deployed stack, as an operator's command sees it: its outputs and its gateway's keys."""
