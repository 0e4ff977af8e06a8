import ScratchDriver

await scratchProgram.main(.node)
