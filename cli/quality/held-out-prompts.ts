/** Prompts that neither calibration nor the packer's own check has seen. */
export const heldOutPrompts: readonly string[] = [
  "Tell me about the water cycle in a few sentences.",
  "Write a function in JavaScript that returns the largest number of an array.",
  "What should I pack for a weekend in the mountains?",
  "Translate into French: The library closes at nine on Fridays.",
  "Who wrote Don Quixote, and why is it famous?",
  "Write the opening of a story about a clockmaker who cannot sleep.",
  "List five vegetables that grow well in shade.",
  "How do vaccines work?",
  "Explain to a child why we have leap years.",
  "Give me a SQL query that counts the orders of each customer in 2024.",
  "What is 17 times 23? Show your steps.",
  "Erkläre in zwei Sätzen, was ein Treibhausgas ist.",
  "Draft a polite e-mail that declines an invitation to speak.",
  "Summarize: The bridge was closed for a month after engineers found cracks in two of its cables. Ferries ran every ten minutes instead, and most shops on the eastern bank lost a third of their customers.",
];
