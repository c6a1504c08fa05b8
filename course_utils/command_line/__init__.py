"""What follows `course`: the words that it takes (`parser`), and what each of them does, a module for each group."""
