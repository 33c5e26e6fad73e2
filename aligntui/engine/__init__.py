"""The engine process seen from outside: started, spoken to, and buried when it dies. No torch here."""
