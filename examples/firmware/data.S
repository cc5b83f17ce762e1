/* The samples, in flash as they are in the files, behind a header of 128 bytes:
 * int8 [960,3,64], uint8 [960]. */
	.section .rodata.samples, "a"
	.global samples, labels
samples:
	.incbin "train-x.npy", 128
labels:
	.incbin "train-y.npy", 128
	.section .note.GNU-stack, ""
