"""What answers are like whatever was asked: how long, whether they speak of their own rules, whether they go round in a loop."""
