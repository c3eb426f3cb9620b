"""How a benchmark is found, run and compared; `bot.lab.benchmarks` puts the parts together."""
