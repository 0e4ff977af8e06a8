import ScratchDriver

await scratchProgram.main(.controller)
