/*
 * selftest_answers.h - what each kernel must say of each tile of the self-test.
 *
 * For each tile, in f64 and in f32, the XXH3-64 of its iterations, of whole counts
 * and fractions, and of what is derived from it, little-endian. Printed by
 * print_selftest; included by selftest.c alone.
 */

/* clang-format off */
static const struct selftest_digests answers[][PRECISION_COUNT] = {
	/* square seahorse */
	{{0x96cc86fc13dc325c, 0x3bd45e03d4dfc727, 0xc5e92bc357290cb4},
	 {0xfdce6e541e872799, 0xa1ab29d3be51391f, 0x0000000000000000}},
	/* square whole */
	{{0xc2d3807d9d85870b, 0xa92b3bb6a5c59a37, 0x7763104d01ce73ae},
	 {0xc2d3807d9d85870b, 0x43c45a63a8cf72cc, 0x0000000000000000}},
	/* square coast */
	{{0x6d018bb5f1d0b8c3, 0x15a861fda0006762, 0x6e8140a265032014},
	 {0x9f49434c1de0ab4d, 0x0ccb345546dc8dc8, 0x0000000000000000}},
	/* square julia */
	{{0xf695f5a144d31310, 0x1bc7dcc8044e2cb1, 0xa49e92a0d817eb56},
	 {0xf695f5a144d31310, 0x50580c82dc29acb1, 0x0000000000000000}},
	/* square island */
	{{0x597d3ca6561d9d32, 0x9a16b88233162e03, 0x05f9247429224971},
	 {0x28710b1184d33c56, 0x0575ed4bd3ca050b, 0x0000000000000000}},
	/* power3 coast */
	{{0x5fa5eb46ee53f17d, 0x6fd5e611820ab286, 0x43caf9a8f59aff92},
	 {0x70f0cec4fecfa925, 0x4864cbda0a9542ca, 0x0000000000000000}},
	/* power3 whole */
	{{0x88c16fd62befcc98, 0x6c420f83a1a83649, 0x2ff5e216240fa19d},
	 {0x88c16fd62befcc98, 0xe9f2f54755600407, 0x0000000000000000}},
	/* power4 coast */
	{{0x80049216b4281a09, 0x3eeb5064865fb169, 0x7b8a622e785f6346},
	 {0x55c245693bf143b5, 0xd51dd3ba1bbb46a6, 0x0000000000000000}},
	/* power4 whole */
	{{0xbf5aa08088e1cecc, 0xf1c33859b7e8c3ba, 0xd7efe76026053702},
	 {0xbf5aa08088e1cecc, 0x1aa7ce15881a38c6, 0x0000000000000000}},
	/* power5 coast */
	{{0x4fb7eb089f333281, 0x8f587d382dc50fa4, 0x579deb3c13ee4cec},
	 {0x576abacf7bd16094, 0xc4493df58e2a71d3, 0x0000000000000000}},
	/* power5 whole */
	{{0xaddd9badc5670b98, 0xcca7b3002e2dc657, 0x756fe573a4b5ad3c},
	 {0xaddd9badc5670b98, 0x944dd55450ee7ab8, 0x0000000000000000}},
	/* power6 coast */
	{{0xfe771c5609297f8a, 0x8885bcbe60410fb0, 0x8552c92cd3baa3a0},
	 {0x29470a3372d3f41c, 0xaad87b13efc5873e, 0x0000000000000000}},
	/* power6 whole */
	{{0xf1f9f7d937930b26, 0x7d833f4ee7a03627, 0xd6712f51ad244f07},
	 {0xf1f9f7d937930b26, 0xd4fa40c2b6ef7d46, 0x0000000000000000}},
	/* ship coast */
	{{0xe41a47a0f0bdd452, 0xe32d677b78a7b1a0, 0x4f82a0387aa49c5a},
	 {0xd008a87f45e38690, 0xac1a5f3351afa7c9, 0x0000000000000000}},
	/* ship whole */
	{{0x402436c9b0e9c66b, 0xb9c6fc775f3517f1, 0x11bb356fae5cd22c},
	 {0x402436c9b0e9c66b, 0x8d74cb906756a393, 0x0000000000000000}},
	/* tricorn coast */
	{{0xf9ee2255babf731f, 0x51578aeae488aca7, 0xc930d72e41c08fe7},
	 {0xc3d1772b94d9cccb, 0x8658bf94d4b12315, 0x0000000000000000}},
	/* tricorn whole */
	{{0x04b0da7e2f99e05c, 0x0036a8c2ec7762f8, 0x518f6ffc2b8dfdfb},
	 {0x04b0da7e2f99e05c, 0xa6c612fa9b4fe6f7, 0x0000000000000000}},
};
/* clang-format on */
