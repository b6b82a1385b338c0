"""What is AWS's and nobody's subject: clients, queues, schedules, secrets, conditional writes, batches."""
