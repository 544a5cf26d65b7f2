/* test_location.c - places of other programs, and the views that they become. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/location.h"

static struct request request;
static char ignored[LOCATION_IGNORED_BYTES];

static enum brot_err parse(location_parse_fn *fn, const char *text, const char *entry,
			   struct option_size size, struct brot_error *err)
{
	request_init(&request);
	request.view = (struct view){.rotate_deg = 0.0};
	struct location location = {
		.path = "p",
		.text = text,
		.bytes = strlen(text),
		.entry = entry,
		.request = &request,
		.x_stretch = 1.0,
	};
	enum brot_err code = fn(&location, err);
	if (code == BROT_OK)
		code = location_finish(&location, &size, err);
	memcpy(ignored, location.ignored, sizeof ignored);
	return code;
}

static void taken(location_parse_fn *fn, const char *text, const char *entry,
		  struct option_size size, double width)
{
	struct brot_error err = {0};
	if (parse(fn, text, entry, size, &err) != BROT_OK)
		fail_msg("%s: %s", text, err.text);
	const double found = decimal_to_double(&request.view.width);
	if (!(found > width * (1 - 1e-12) && found < width * (1 + 1e-12)))
		fail_msg("%s: width %s, wanted %.17g", text, request.view.width.text, width);
}

static void refused(location_parse_fn *fn, const char *text, const char *sentence)
{
	struct brot_error err = {0};
	if (parse(fn, text, NULL, (struct option_size){0, 0}, &err) == BROT_OK)
		fail_msg("taken: %s", text);
	assert_string_equal(err.text, sentence);
	assert_int_equal(err.code, BROT_E_REQUEST);
}

static const struct option_size square = {100, 100}, wide = {200, 100}, high = {100, 200};

static void kalles_fraktaler(void **state)
{
	(void)state;
	static const char text[] =
		"Re: -0.743643887037158704752191506114774000000000001\r\nIm: 0.1318\r\n"
		"Zoom: 1.6E6\r\nIterations: 3000\r\nColors: 1,2,3\r\nRotate: -12.5\r\n";
	taken(location_parse_kfr, text, NULL, square, 2.5e-6);
	assert_string_equal(request.view.re.text,
			    "-0.743643887037158704752191506114774000000000001");
	/* Its imaginary axis points down. */
	assert_string_equal(request.view.im.text, "-0.1318");
	assert_string_equal(request.view.height.text, "");
	assert_true(request.view.rotate_deg == 12.5);
	assert_int_equal(request.iterations, 3000);
	assert_int_equal(request.formula, FORMULA_MANDELBROT);
	assert_string_equal(ignored, "Colors");
	taken(location_parse_kfr, text, NULL, wide, 5e-6);
	taken(location_parse_kfr, text, NULL, high, 1.25e-6);
	taken(location_parse_kfr, "Re: 0\nIm: 0\nZoom: 2\nPower: 3\n", NULL, square, 2);
	assert_int_equal(request.formula, FORMULA_MULTIBROT);
	assert_int_equal(request.power, 3);
	assert_int_equal(request.iterations, request_default_iterations(&request.view));
	taken(location_parse_kfr, "Re: 0\nIm: 1\nZoom: 2\nFractalType: 1\nImagPointsUp: 1\n", NULL,
	      square, 2);
	assert_int_equal(request.formula, FORMULA_BURNING_SHIP);
	assert_string_equal(request.view.im.text, "1");
	/* Far beyond a double. */
	struct brot_error err;
	assert_int_equal(
		parse(location_parse_kfr, "Re: 0\nIm: 0\nZoom: 4E1000\n", NULL, square, &err),
		BROT_OK);
	assert_string_equal(request.view.width.text, "1e-1000");
	refused(location_parse_kfr, "Re: 0\nZoom: 2\n",
		"--view: p: it says no centre, or no extent");
	refused(location_parse_kfr, "Re: x\n",
		"--view: p:1: the centre: must be a decimal number, got \"x\"");
	refused(location_parse_kfr, "\nZoom: -2\n",
		"--view: p:2: the zoom must be a decimal number over 0");
	refused(location_parse_kfr, "FractalType: 7\n",
		"--view: p:1: this FractalType is not one of brot's");
	refused(location_parse_kfr, "Re: 0\nIm: 0\nZoom: 2\nFractalType: 1\n",
		"--view: p: its imaginary axis points down, which brot cannot draw of a burning "
		"ship");
	refused(location_parse_kfr, "Iterations: 0\n",
		"--view: p:1: the limit must be a whole number over 0");
	refused(location_parse_kfr, "", "--view: p: it says no centre, or no extent");
}

/* Whatever the order of lines is, and whatever changes the picture. */
static void kalles_fraktaler_is_not_guessed(void **state)
{
	(void)state;
	static const char *const orders[] = {"FractalType: 1\nPower: 3\n",
					     "Power: 3\n\nFractalType: 1\n"};
	refused(location_parse_kfr, orders[0],
		"--view: p:2: Power must be 2 with this FractalType");
	refused(location_parse_kfr, orders[1],
		"--view: p:1: Power must be 2 with this FractalType");
	refused(location_parse_kfr, "Iterations: 500abc\n",
		"--view: p:1: the limit must be a whole number over 0");
	refused(location_parse_kfr, "Rotate: 45junk\n",
		"--view: p:1: Rotate must be over -360 and under 360");
	refused(location_parse_kfr, "RotateAngle: 360\n",
		"--view: p:1: RotateAngle must be over -360 and under 360");
	refused(location_parse_kfr, "FractalType: zzz\n",
		"--view: p:1: FractalType must be a whole number");
	refused(location_parse_kfr, "Power: 3x\n", "--view: p:1: Power must be 2..6");
	refused(location_parse_kfr, "ImagPointsUp: yes\n",
		"--view: p:1: ImagPointsUp must be 0 or 1");
	static const char *const fixed[] = {"StretchAmount", "SeedR", "SeedI", "UseHybridFormula",
					    "ExponentialMap"};
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		char text[64], sentence[96];
		(void)snprintf(text, sizeof text, "%s: 0.5\n", fixed[i]);
		(void)snprintf(sentence, sizeof sentence,
			       "--view: p:1: %s must be 0 for brot to draw it", fixed[i]);
		refused(location_parse_kfr, text, sentence);
	}
	refused(location_parse_kfr, "Ratio: 300\n",
		"--view: p:1: Ratio must be 360 for brot to draw it");
#define PLACE "Re: 0\nIm: 0\nZoom: 2\n"
	taken(location_parse_kfr,
	      PLACE "SeedR: 0\nSeedI: 0\nStretchAngle: 5\nStretchAmount: 0\nRatio: 360.0\nPeriod: "
		    "3\nSlopes: 0\nVersion: 2.15\n",
	      NULL, square, 2);
	assert_string_equal(ignored, "");
	taken(location_parse_kfr,
	      PLACE "FactorAR: 2\nSmoothMethod: 1\nColorMethod: 7\nDifferences: 3\nSlopes: "
		    "1\nWhat\x1b[: ever\nno colon\n",
	      NULL, square, 2);
	assert_string_equal(ignored, "FactorAR, SmoothMethod, ColorMethod, Differences, Slopes, "
				     "What?[, no colon");
	taken(location_parse_kfr, PLACE "FractalType: 4\n", NULL, square, 2);
	assert_int_equal(request.formula, FORMULA_TRICORN);
}

static void what_is_not_read_is_told_within_bounds(void **state)
{
	(void)state;
	char text[4096] = PLACE;
	for (int i = 0; i < 200; i++)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "Key%dKey: 1\n", i);
	taken(location_parse_kfr, text, NULL, square, 2);
	assert_in_range(strlen(ignored), LOCATION_IGNORED_BYTES / 2, LOCATION_IGNORED_BYTES - 1);
	assert_string_equal(ignored + strlen(ignored) - 5, ", ...");
}

static void fraktaler_3(void **state)
{
	(void)state;
	taken(location_parse_toml,
	      "program = \"fraktaler-3\"\nlocation.real = \"-1.75\" # x = y\n"
	      "location.imag = '1e-20'\nlocation.zoom = \"8\"\nbailout.iterations = 77\n"
	      "transform.rotate = 30.0\ntransform.stretch_amount = 0.0\nwhat = "
	      "1\n[[formula]]\npower = 2\n",
	      NULL, square, 0.5);
	assert_string_equal(request.view.im.text, "1e-20");
	assert_int_equal(request.iterations, 77);
	assert_true(request.view.rotate_deg == 30.0);
	assert_string_equal(ignored, "what");
	taken(location_parse_toml,
	      "[location]\nreal = 0\nimag = 0\nzoom = 1\n[[formula]]\nabs_x = true\nabs_y = true\n",
	      NULL, square, 4);
	assert_int_equal(request.formula, FORMULA_BURNING_SHIP);
	refused(location_parse_toml, "[[formula]]\npower = 2\n[[formula]]\npower = 3\n",
		"--view: p:4: this formula is not one of brot's");
	refused(location_parse_toml, "location.zoom = \"0\"\n",
		"--view: p:1: the zoom must be a decimal number over 0");
	/* Keys that have their default are left out. */
	taken(location_parse_toml, "program = \"fraktaler-3\"\n", NULL, square, 4);
	assert_string_equal(request.view.im.text, "0");
	assert_int_equal(request.iterations, 1024);
	refused(location_parse_toml, "title = \"x\"\n",
		"--view: p: it says no centre, or no extent");
}

static void fraktaler_3_is_not_guessed(void **state)
{
	(void)state;
	struct brot_error err;
	taken(location_parse_toml, "location.imag = 0.5\ntransform.reflect = true\n", NULL, square,
	      4);
	assert_string_equal(request.view.im.text, "-0.5");
	refused(location_parse_toml, "\ntransform.reflect = true\ntransform.rotate = 5\n",
		"--view: p:2: transform.reflect must be false where it is rotated");
	refused(location_parse_toml, "[transform]\nreflect = 1\n",
		"--view: p:2: transform.reflect must be true or false");
	refused(location_parse_toml, "transform.rotate = 30x\n",
		"--view: p:1: transform.rotate must be over -360 and under 360");
	refused(location_parse_toml, "transform.stretch_amount = 2.0\n",
		"--view: p:1: transform.stretch_amount must be 0");
	refused(location_parse_toml, "transform.exponential_map = true\n",
		"--view: p:1: transform.exponential_map and vertical_flip must be false");
	refused(location_parse_toml, "[[formula]]\nneg_y = true\n\n",
		"--view: p:2: this formula is not one of brot's");
	refused(location_parse_toml, "[[formula]]\nopcodes = \"sqr absx add\"\n",
		"--view: p:2: this formula is not one of brot's");
	refused(location_parse_toml, "[[formula]]\npower = 3x\n",
		"--view: p:2: formula.power must be a whole number");
	refused(location_parse_toml, "bailout.iterations = 5 6\n",
		"--view: p:1: the limit must be a whole number over 0");
#define WHOLE "must be KEY = VALUE, with the value whole on its line and nothing behind it"
	refused(location_parse_toml, "location.real = \"1\n", "--view: p:1: " WHOLE);
	refused(location_parse_toml, "location.real = \"1\" 2\n", "--view: p:1: " WHOLE);
	refused(location_parse_toml, "location.real\n", "--view: p:1: " WHOLE);
	refused(location_parse_toml, "location.real = \"\"\"\n1\"\"\"\n", "--view: p:1: " WHOLE);
	refused(location_parse_toml, "colour.shader = \"\"\"\nvoid\n",
		"--view: p:2: the last value does not end");
	/* What stands in a text of several lines is none of the file's. */
	taken(location_parse_toml,
	      "colour.shader = \"\"\"\nlocation.zoom = 9\n\"\"\"\nimage.width = "
	      "7\nrender.channels = [\n \"N\",\n]\nlocation.zoom = 2\n",
	      NULL, square, 2);
	assert_string_equal(ignored, "colours");
	assert_int_equal(parse(location_parse_toml,
			       "location.zoom = 1\nbailout.escape_radius = 9\n", NULL, square,
			       &err),
			 BROT_OK);
	assert_string_equal(ignored, "bailout.escape_radius");
}

#define PAR                                                                                       \
	"; none { }\nFirst { ; a comment }\n type=mandel center-mag=-0.5/0.25/\\\r\n   0.5/1/30 " \
	"\\\n"                                                                                    \
	"  maxiter=500 ; more\n colors=000zzz\n}\nSecond {\n type=julia params=-0.8/0.156\n "     \
	"corners=-2/1/-1/1 }\nOdd{type=lambda}\n"

static void fractint(void **state)
{
	(void)state;
	struct brot_error err;
	taken(location_parse_par, "x { type=mandel center-mag=2/4/3 }", NULL,
	      (struct option_size){4, 3}, 8.0 / 9);
	taken(location_parse_par, "x { type=mandel center-mag=2/4/3 }", NULL, square, 8.0 / 9);
	taken(location_parse_par, "x { center-mag=2/4/3/2 }", NULL, (struct option_size){4, 3},
	      4.0 / 9);
	assert_true(decimal_to_double(&request.view.height) > 0.6666);
	taken(location_parse_par, PAR, "First", (struct option_size){4, 3}, 16.0 / 3);
	assert_int_equal(request.iterations, 500);
	taken(location_parse_par, PAR, "Second", (struct option_size){3, 2}, 3);
	assert_int_equal(request.formula, FORMULA_JULIA);
	assert_string_equal(request.c_re.text, "-0.8");
	assert_string_equal(request.view.re.text, "-0.5");
	taken(location_parse_par, PAR, "Second", high, 3);
	taken(location_parse_par, PAR, "Second", wide, 4);
	assert_int_equal(parse(location_parse_par, PAR, "Third", square, &err), BROT_E_NOT_FOUND);
	assert_string_equal(err.text, "--view: p has no place \"Third\"");
	assert_int_equal(parse(location_parse_par, PAR, "Odd", square, &err), BROT_E_REQUEST);
	assert_non_null(strstr(err.text, "type \"lambda\" is not one of brot's formulas"));
	refused(location_parse_par, "x {\n", "--view: p:1: this block does not end");
	refused(location_parse_par, "nothing\n", "--view: p:1: it has no block NAME { ... }");
	refused(location_parse_par, "x {\ncorners=1/0/0/1\n}",
		"--view: p:2: corners must rise from min to max");
	refused(location_parse_par, "x {\n\ncenter-mag=1/0\n}",
		"--view: p:3: center-mag must have a centre and a magnification");
}

static void fractint_comments_and_continuations(void **state)
{
	(void)state;
	taken(location_parse_par,
	      "A {\n type=mandel center-mag=-0.5/0.25/\\\r\n   0.5/1/30 \\\n"
	      "  maxiter=500 ; more=1\n colors=000zzz\n}\n",
	      NULL, (struct option_size){4, 3}, 16.0 / 3);
	assert_true(request.view.rotate_deg == 30.0);
	assert_int_equal(request.iterations, 500);
	assert_string_equal(ignored, "colors");
}

static void fractint_is_not_guessed(void **state)
{
	(void)state;
#define BOTH(words) "x { center-mag=0/0/1 " words " }"
	refused(location_parse_par, BOTH("params=0.3/0.6 type=mandel"),
		"--view: p:1: params must be 0 but for c of a julia set: brot cannot begin orbits "
		"elsewhere");
	taken(location_parse_par, BOTH("params=0/0/0 type=mandel"), NULL, square, 8.0 / 3);
	taken(location_parse_par, BOTH("params=0.3/0.6 type=julia"), NULL, square, 8.0 / 3);
	assert_string_equal(request.c_im.text, "0.6");
	taken(location_parse_par, BOTH("type=julia"), NULL, square, 8.0 / 3);
	assert_string_equal(request.c_re.text, "0.3");
	refused(location_parse_par, BOTH("type=julia params=0.3"),
		"--view: p:1: params must be a real and an imaginary part with type julia");
	refused(location_parse_par, BOTH("type=julia params=0.3/x"),
		"--view: p:1: the centre: must be a decimal number, got \"x\"");
	refused(location_parse_par, BOTH("invert=1/0/0"),
		"--view: p:1: invert and initorbit must be 0 for brot to draw it");
	refused(location_parse_par, "x { center-mag=0/0/1/1/0/5 }",
		"--view: p:1: center-mag must have no skew");
	refused(location_parse_par, "x { center-mag=0/0/1/1/30x }",
		"--view: p:1: center-mag must have an Xmagfactor over 0, and a rotation over -360 "
		"and under 360");
	refused(location_parse_par, BOTH("maxiter=9z"),
		"--view: p:1: the limit must be a whole number over 0");
	taken(location_parse_par, BOTH("colors=0 float=y bailout=9 junk"), NULL, square, 8.0 / 3);
	assert_string_equal(ignored, "colors, bailout, junk");
	taken(location_parse_par, "x { corners=-2/1/-1/1/-2/-1 }", NULL, (struct option_size){3, 2},
	      3);
	refused(location_parse_par, "x { corners=-2/1/-1/1/-2/0 }",
		"--view: p:1: corners must be without a third corner, or upright");
	/* Far below a double. */
	struct brot_error err;
	assert_int_equal(parse(location_parse_par, "x { corners=-4e-400/4e-400/1e-400/5e-400 }",
			       NULL, square, &err),
			 BROT_OK);
	assert_string_equal(request.view.width.text, "8e-400");
}

static void xaos(void **state)
{
	(void)state;
	static const char text[] =
		";Position ( file\n(initstate)\n(defaultpalette 0)\n(formula "
		"'mandel)\n(maxiter 800)\n(angle 15)\n(view -0.7 0.1 2e-9 1e-9)\n";
	taken(location_parse_xpf, text, NULL, wide, 2e-9);
	assert_int_equal(request.iterations, 800);
	assert_true(request.view.rotate_deg == 15.0);
	assert_string_equal(ignored, "defaultpalette");
	taken(location_parse_xpf, text, NULL, square, 2e-9);
	taken(location_parse_xpf, text, NULL, (struct option_size){300, 100}, 3e-9);
	taken(location_parse_xpf, "(formula 'mandel)(julia #t)(juliaseed -0.8 0.156)(view 0 0 3 3)",
	      NULL, square, 3);
	assert_int_equal(request.formula, FORMULA_JULIA);
	assert_string_equal(request.c_im.text, "0.156");
	taken(location_parse_xpf, "(formula 'mandel4)\n(view 0 0 3 3)", NULL, square, 3);
	assert_int_equal(request.power, 4);
	refused(location_parse_xpf, "\n(formula 'magnet)",
		"--view: p:2: this formula is not one of brot's");
	refused(location_parse_xpf, "(view 0 0 3)",
		"--view: p:1: view must have a centre and two extents");
	refused(location_parse_xpf, "(view 0 0 3 nan)",
		"--view: p:1: extents must be numbers over 0");
	refused(location_parse_xpf, "(view 0 0 -3 3)", "--view: p:1: extents must be over 0");
	refused(location_parse_xpf, "(view 0 0 1 1e29)",
		"--view: p: the view: must be at most 1024, got 1.77777777777778e29");
}

static void xaos_is_not_guessed(void **state)
{
	(void)state;
#define VIEW "(view 0 0 3 3)"
	refused(location_parse_xpf, VIEW "\n(formula (quote julia))",
		"--view: p:2: this formula is not one of brot's");
	taken(location_parse_xpf, VIEW "(formula (quote mandel3))", NULL, square, 3);
	assert_int_equal(request.power, 3);
	taken(location_parse_xpf, "(formula 'mandel3)(formula 'mandel)" VIEW, NULL, square, 3);
	assert_int_equal(request.formula, FORMULA_MANDELBROT);
	refused(location_parse_xpf, VIEW "\n(formula (car julia))",
		"--view: p:2: a command must hold no other");
	refused(location_parse_xpf, VIEW "\n(maxiter 8", "--view: p:2: this command does not end");
	refused(location_parse_xpf, "(view 0 0 3", "--view: p:1: this command does not end");
	refused(location_parse_xpf, "(maxiter 800x)" VIEW,
		"--view: p:1: the limit must be a whole number over 0");
	refused(location_parse_xpf, "(angle 1 5)(angle 5z)",
		"--view: p:1: angle must be over -360 and under 360");
	refused(location_parse_xpf, "(plane 1)",
		"--view: p:1: plane must be 0 for brot to draw it");
	refused(location_parse_xpf, "(perturbation 0 0.1)",
		"--view: p:1: perturbation must be 0 for brot to draw it");
	refused(location_parse_xpf, VIEW "(julia #t)",
		"--view: p: a julia set must be of the formula mandel, and have a juliaseed");
	refused(location_parse_xpf, "(julia yes)", "--view: p:1: julia must be #t or #f");
	taken(location_parse_xpf,
	      "(initstate)(plane 0)(perturbation 0 0)(bailout 4)(outcoloring 3)(message \"a "
	      "(b\")" VIEW,
	      NULL, square, 3);
	assert_string_equal(ignored, "bailout, outcoloring");
	struct brot_error err;
	assert_int_equal(parse(location_parse_xpf, "(view 0 0 3e-400 3e-400)", NULL, square, &err),
			 BROT_OK);
	assert_string_equal(request.view.width.text, "3e-400");
}

/* Where the decimal point is a comma. */
static void any_locale(void **state)
{
	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
		skip();
	kalles_fraktaler(state);
	fraktaler_3(state);
	fractint(state);
	xaos(state);
	assert_non_null(setlocale(LC_ALL, "C"));
}

static void names_of_files(void **state)
{
	(void)state;
	static const char *const good[] = {"a.kfr",        "b/c.TOML",  "d.par",
					   "d.par:Name x", "d.par:1.5", "e.xpf"};
	static const char *const bad[] = {"a.json", "kfr", "a.kfr:x", "a.kfrx", "", "x.png"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(location_is_file(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(location_is_file(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kalles_fraktaler),
		cmocka_unit_test(kalles_fraktaler_is_not_guessed),
		cmocka_unit_test(what_is_not_read_is_told_within_bounds),
		cmocka_unit_test(fraktaler_3),
		cmocka_unit_test(fraktaler_3_is_not_guessed),
		cmocka_unit_test(fractint),
		cmocka_unit_test(fractint_is_not_guessed),
		cmocka_unit_test(fractint_comments_and_continuations),
		cmocka_unit_test(xaos),
		cmocka_unit_test(xaos_is_not_guessed),
		cmocka_unit_test(any_locale),
		cmocka_unit_test(names_of_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
