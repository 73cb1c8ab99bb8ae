"""What is killed, frozen, filled and torn while events flow."""
