/* broken_fma.c - an fma() that rounds twice, as on a CPU or with a library that is broken. */
__attribute__((visibility("default"))) double fma(double x, double y, double z);

double fma(double x, double y, double z)
{
	return x * y + z;
}
