"""From a file as people have it to a history: headings, dates, numbers, roles, checks, questions."""
