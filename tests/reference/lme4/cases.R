# The cases of make.R: what is fitted to what.

# formula: limeform's. r_formula: lme4's, where it differs by more than ** and ^. dummies: columns made for r_formula alone.
# full, rename: fixed factors and random columns that have a dummy for every level, see formulaic_names.
# rescale: fitted with (x - shift * of) / scale in the place of x, and transformed back (an exact reparametrisation).
rescaled <- function(shift, scale, of = "(Intercept)") list(shift = shift, scale = scale, of = of)
case <- function(id, title, data, formula, reml = TRUE, r_formula = gsub("**", "^", formula, fixed = TRUE),
                 weights = NULL, newdata = NULL, full = character(), rename = character(), rename_fixed = character(),
                 dummies = list(), rescale = list())
  as.list(environment())

sleep <- recipe(dataset = "sleepstudy")
new_sleep <- data.frame(Days = c(0, 10, 4.5, 3), Subject = c("308", "352", "372", "999"))
machines <- recipe(dataset = "machines")
new_machines <- data.frame(Machine = c("A", "B", "C", "C"), Worker = c("1", "6", "3", "7"))
orthodont <- recipe(dataset = "orthodont")
new_orthodont <- data.frame(age = c(8, 15, 11, 11), Sex = c("Male", "Female", "Female", "Male"), Subject = c("M01", "F11", "F03", "M99"))
oxboys <- recipe(dataset = "oxboys")
new_oxboys <- data.frame(age = c(-1, 0.5, 1.2), Subject = c("10", "1", "27"))
forty <- recipe(file = "data/forty_groups.csv")
new_forty <- data.frame(t = c(0, 2.5, 5, 6), x = c(0, 1, -1, 2), z = c(0.5, 0, 1, -2), f = c("low", "high", "mid", "mid"),
                        g = c("g01", "g17", "g40", "g41"))
ones <- recipe(file = "data/singletons.csv")
new_ones <- data.frame(x = c(-1, 0, 1), g = c("s01", "s25", "s99"))
scaled <- recipe(file = "data/badly_scaled.csv")
new_scaled <- data.frame(year = c(1950, 1999, 2020), dose = c(5e5, 1e6, 2e6), g = c("c01", "c24", "c99"))
edge <- recipe(file = "data/at_the_edge.csv")
new_edge <- data.frame(x = c(-1, 0, 3), g = c("e01", "e15", "e99"))
dependent <- recipe(file = "data/dependent_columns.csv")
machine_dummies <- list(MachineA = "Machine == 'A'", MachineB = "Machine == 'B'", MachineC = "Machine == 'C'")
by_level <- c(MachineA = "Machine[A]", MachineB = "Machine[B]", MachineC = "Machine[C]")
pairs <- function(make) unlist(lapply(c(TRUE, FALSE), function(reml) list(make(reml, if (reml) "reml" else "ml"))), recursive = FALSE)

shared_cases <- c(
  pairs(function(reml, m) case(paste0("dyestuff_", m), "Dyestuff: one way", recipe(dataset = "dyestuff"),
                               "Yield ~ 1 + (1 | Batch)", reml, newdata = data.frame(Batch = c("A", "F", "Z")))),
  pairs(function(reml, m) case(paste0("dyestuff2_", m), "Dyestuff2: variance between batches zero", recipe(dataset = "dyestuff2"),
                               "Yield ~ 1 + (1 | Batch)", reml, newdata = data.frame(Batch = c("A", "F", "Z")))),
  pairs(function(reml, m) case(paste0("sleepstudy_int_", m), "sleepstudy: random intercept", sleep,
                               "Reaction ~ Days + (1 | Subject)", reml, newdata = new_sleep)),
  pairs(function(reml, m) case(paste0("sleepstudy_slope_", m), "sleepstudy: correlated random slope", sleep,
                               "Reaction ~ Days + (Days | Subject)", reml, newdata = new_sleep)),
  pairs(function(reml, m) case(paste0("sleepstudy_dblbar_", m), "sleepstudy: uncorrelated intercept and slope", sleep,
                               "Reaction ~ Days + (Days || Subject)", reml, newdata = new_sleep)),
  pairs(function(reml, m) case(paste0("machines_slope_", m), "Machines: effects of a factor by worker", machines,
                               "score ~ Machine + (Machine | Worker)", reml, newdata = new_machines)),
  pairs(function(reml, m) case(paste0("orthodont_", m), "Orthodont: age by sex, random slope", orthodont,
                               "distance ~ age * Sex + (age | Subject)", reml, newdata = new_orthodont)))

grammar_cases <- list(
  case("two_bars", "two terms on one factor are uncorrelated", sleep,
       "Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)", newdata = new_sleep),
  case("two_bars_reversed", "the same, slope first", sleep,
       "Reaction ~ Days + (0 + Days | Subject) + (1 | Subject)", reml = FALSE, newdata = new_sleep),
  case("slope_alone", "a random slope without a random intercept", sleep, "Reaction ~ Days + (0 + Days | Subject)", newdata = new_sleep),
  case("two_blocks", "a correlated pair and a slope on its own", forty,
       "y ~ t + x + (t | g) + (0 + x | g)", newdata = new_forty),
  case("machines_full_levels", "one random effect a level, correlated", machines,
       "score ~ Machine + (0 + Machine | Worker)", rename = by_level, newdata = new_machines),
  case("machines_dblbar", "|| with a factor: by column", machines, "score ~ Machine + (Machine || Worker)",
       r_formula = "score ~ Machine + (1 | Worker) + (0 + MachineB | Worker) + (0 + MachineC | Worker)",
       dummies = machine_dummies),
  case("machines_dblbar_levels", "|| with a factor and no intercept: a variance a level", machines,
       "score ~ 0 + Machine + (0 + Machine || Worker)",
       r_formula = "score ~ 0 + Machine + (0 + MachineA | Worker) + (0 + MachineB | Worker) + (0 + MachineC | Worker)",
       full = "Machine", rename = by_level, dummies = machine_dummies),
  case("cake_interaction_group", "the interaction of two factors as the one grouping factor", recipe(dataset = "cake"),
       "angle ~ recipe * temp + (1 | recipe:replicate)",
       newdata = data.frame(recipe = c("A", "C", "B"), temp = c(180, 225, 200), replicate = c("1", "15", "16"))),
  case("pastes_sample", "Pastes: samples alone", recipe(dataset = "pastes"), "strength ~ 1 + (1 | sample)",
       newdata = data.frame(sample = c("A:a", "J:c", "K:a"))),
  case("log_response", "a function of the response", sleep, "log(Reaction) ~ Days + (Days | Subject)", newdata = new_sleep),
  case("scale_in_both", "a stateful transform in the fixed and in the random part", sleep,
       "Reaction ~ scale(Days) + (scale(Days) | Subject)", newdata = new_sleep),
  case("factor_by_number", "factor by number, random intercept", forty, "y ~ f * t + (1 | g)", newdata = new_forty),
  case("no_intercept", "no fixed intercept", forty, "y ~ 0 + f + t + (1 | g)", full = "f", newdata = new_forty),
  case("no_fixed_effect", "no fixed effect at all", forty, "y ~ 0 + (1 | g)", reml = FALSE),
  case("offset_intercept", "an offset", forty, "y ~ t + offset(o) + (1 | g)",
       newdata = cbind(new_forty, o = c(0, 1, -2, 3))),
  case("offset_slope_ml", "an offset, random slope, ML", forty, "y ~ t + x + offset(0.5 * o) + (t | g)", reml = FALSE,
       newdata = cbind(new_forty, o = c(0, 1, -2, 3))))

shape_cases <- c(
  pairs(function(reml, m) case(paste0("weights_intercept_", m), "prior weights", forty, "y ~ t + x + f + (1 | g)", reml,
                               weights = "w", newdata = new_forty)),
  pairs(function(reml, m) case(paste0("weights_slope_", m), "prior weights, random slope", forty, "y ~ t + x + (t | g)", reml,
                               weights = "w", newdata = new_forty)),
  pairs(function(reml, m) case(paste0("three_effects_", m), "three correlated effects, unbalanced", forty,
                               "y ~ t + x + z + f + (t + x | g)", reml, newdata = new_forty)),
  pairs(function(reml, m) case(paste0("four_effects_", m), "four correlated effects, unbalanced, weights", forty,
                               "y ~ t + x + z + f + (t + x + z | g)", reml, weights = "w", newdata = new_forty)),
  pairs(function(reml, m) case(paste0("four_effects_diagonal_", m), "four uncorrelated effects", forty,
                               "y ~ t + x + z + (t + x + z || g)", reml, newdata = new_forty)),
  pairs(function(reml, m) case(paste0("oxboys_quadratic_", m), "quadratic growth, three correlated effects", oxboys,
                               "height ~ age + I(age ** 2) + (age + I(age ** 2) | Subject)", reml, newdata = new_oxboys)),
  pairs(function(reml, m) case(paste0("singletons_intercept_", m), "18 of 30 groups have one row", ones, "y ~ x + (1 | g)", reml,
                               newdata = new_ones)),
  list(case("singletons_slope", "18 of 30 groups have one row, random slope", ones, "y ~ x + (x | g)", newdata = new_ones)),
  pairs(function(reml, m) case(paste0("slope_variance_zero_", m), "the variance of the slope is zero, full covariance", edge,
                               "y_flat ~ x + (x | g)", reml, newdata = new_edge)),
  list(case("slope_variance_zero_diagonal", "the variance of the slope is zero, diagonal", edge, "y_flat ~ x + (x || g)",
            newdata = new_edge)),
  pairs(function(reml, m) case(paste0("correlation_one_", m), "intercept and slope correlate perfectly", edge,
                               "y_line ~ x + (x | g)", reml, newdata = new_edge)))

year_s <- list(year = rescaled(1985, 10))
dose_s <- list(dose = rescaled(0, 1e6))
numerical_cases <- c(
  list(case("year_fixed", "a year from 1950 to 2020, not centred", scaled, "y ~ year + (1 | g)",
            r_formula = "y ~ year_s + (1 | g)", rescale = year_s, newdata = new_scaled)),
  pairs(function(reml, m) case(paste0("year_slope_", m), "the year as random slope, not centred", scaled, "y ~ year + (year | g)", reml,
                               r_formula = "y ~ year_s + (year_s | g)", rescale = year_s, newdata = new_scaled)),
  list(case("year_slope_diagonal", "the year as random slope, not centred, uncorrelated", scaled, "y ~ year + (year || g)",
            r_formula = "y ~ year_s + (year_s || g)", rescale = list(year = rescaled(0, 1000)), newdata = new_scaled)),
  pairs(function(reml, m) case(paste0("dose_slope_", m), "a dose of about a million as random slope", scaled, "y ~ dose + (dose | g)", reml,
                               r_formula = "y ~ dose_s + (dose_s | g)", rescale = dose_s, newdata = new_scaled)),
  list(case("dose_slope_diagonal", "the same, uncorrelated", scaled, "y ~ dose + (dose || g)",
            r_formula = "y ~ dose_s + (dose_s || g)", rescale = dose_s, newdata = new_scaled),
       case("year_and_dose", "both badly scaled columns, three correlated effects", scaled, "y ~ year + dose + (year + dose | g)",
            r_formula = "y ~ year_s + dose_s + (year_s + dose_s | g)", rescale = c(year_s, dose_s), newdata = new_scaled),
       case("response_times_million", "a response of the order of 1e8", recipe(dataset = "sleepstudy", assign = list(y = "Reaction * 1e6")),
            "y ~ Days + (Days | Subject)", newdata = new_sleep),
       case("response_over_million", "a response of the order of 1e-4", recipe(dataset = "sleepstudy", assign = list(y = "Reaction * 1e-6")),
            "y ~ Days + (Days | Subject)", newdata = new_sleep),
       case("response_shifted", "a response far from zero", recipe(dataset = "sleepstudy", assign = list(y = "Reaction + 1e6")),
            "y ~ Days + (Days | Subject)", newdata = new_sleep)))

column_cases <- list(
  case("missing_values", "missing response, number and group", recipe(dataset = "sleepstudy", missing = list(
    Reaction = c(0, 17, 44), Days = c(17, 60), Subject = c(100, 101, 179))), "Reaction ~ Days + (Days | Subject)", newdata = new_sleep),
  case("missing_weights", "missing covariate, factor and weight", recipe(file = "data/forty_groups.csv", missing = list(
    x = c(3, 50), f = c(50, 77), w = c(120))), "y ~ t + x + f + (1 | g)", weights = "w", newdata = new_forty),
  case("sum_of_columns", "a column that is the sum of two others", dependent, "y ~ x + z + sum_xz + (1 | g)"),
  case("sum_comes_first", "the same, the sum first", dependent, "y ~ sum_xz + x + z + (1 | g)"),
  case("constant_column", "a column that does not vary", dependent, "y ~ five + x + (1 | g)"),
  case("same_factor_twice", "two factors that say the same", dependent, "y ~ f + same_f + x + (1 | g)"),
  case("almost_collinear", "two columns that differ by 1e-4", dependent, "y ~ x + near_x + (1 | g)",
       r_formula = "y ~ x + near_x_s + (1 | g)", rescale = list(near_x = rescaled(1, 1e-4, "x"))),
  case("lm_ml", "no bar: least squares, ML", orthodont, "distance ~ age * Sex", reml = FALSE, newdata = new_orthodont[1:3]),
  case("lm_reml", "no bar: least squares, REML", orthodont, "distance ~ age * Sex", newdata = new_orthodont[1:3]),
  case("wls_ml", "no bar: weighted least squares, ML", forty, "y ~ t + x + f", reml = FALSE, weights = "w", newdata = new_forty),
  case("wls_reml", "no bar: weighted least squares, REML", forty, "y ~ t + x + f", weights = "w", newdata = new_forty),
  case("lm_offset", "no bar: an offset", forty, "y ~ t + offset(o)", reml = FALSE, newdata = cbind(new_forty, o = c(0, 1, -2, 3))),
  case("lm_dropped", "no bar: a column that is the sum of two others", dependent, "y ~ x + z + sum_xz"))

# contr.sum of three levels, as formulaic names its columns
sum_names <- c("C(Machine, contr.sum)1" = "C(Machine, contr.sum)[S.A]", "C(Machine, contr.sum)2" = "C(Machine, contr.sum)[S.B]")
day_names <- setNames(sprintf("C(Days)[T.%d]", 1:9), paste0("factor(Days)", 1:9))
without <- function(dataset, column, rows) recipe(dataset = dataset, missing = setNames(list(rows), column))

level_cases <- list(
  case("subjects_without_data", "two groups have no complete row", without("sleepstudy", "Reaction", c(0:9, 170:179)),
       "Reaction ~ Days + (Days | Subject)", newdata = new_sleep),
  case("last_level_without_data", "a level of a factor has no complete row", without("machines", "score", 36:53),
       "score ~ Machine + (Machine | Worker)", newdata = new_machines[1:2, ]),
  case("first_level_without_data", "the reference level of a factor has no complete row", without("machines", "score", 0:17),
       "score ~ Machine + (Machine | Worker)", newdata = new_machines[2:4, ]),
  case("product_slopes", "slopes of two numbers and their product", forty, "y ~ t * x + (t * x | g)", newdata = new_forty),
  case("factor_slopes", "slopes of a factor that some groups see only in part", forty, "y ~ f + t + (f | g)", newdata = new_forty),
  case("factor_slopes_by_level", "the same, a variance a level", forty, "y ~ f + t + (0 + f || g)",
       r_formula = "y ~ f + t + (0 + f_high | g) + (0 + f_low | g) + (0 + f_mid | g)",
       dummies = list(f_high = "f == 'high'", f_low = "f == 'low'", f_mid = "f == 'mid'"),
       rename = c(f_high = "f[high]", f_low = "f[low]", f_mid = "f[mid]")),
  case("sum_contrasts", "contrasts that add up to zero", machines, "score ~ C(Machine, contr.sum) + (1 | Worker)",
       rename_fixed = sum_names, newdata = new_machines),
  case("number_as_factor", "a number as a factor", sleep, "Reaction ~ C(Days) + (1 | Subject)",
       r_formula = "Reaction ~ factor(Days) + (1 | Subject)", rename_fixed = day_names, newdata = new_sleep[c(1, 4), ]),
  case("number_as_group", "groups that are numbers", sleep, "Reaction ~ 1 + (1 | Days)", newdata = data.frame(Days = c(0, 9, 10))),
  case("large_effects", "random effects hundreds of times larger than the noise", edge, "y_strong ~ x + (x | g)", newdata = new_edge),
  case("large_effects_diagonal", "the same, uncorrelated, ML", edge, "y_strong ~ x + (x || g)", reml = FALSE, newdata = new_edge),
  case("wide_weights", "weights from 1e-6 to 1e5", recipe(file = "data/forty_groups.csv", assign = list(w8 = "w ** 8")),
       "y ~ t + x + (t | g)", weights = "w8", newdata = new_forty))

cases <- c(level_cases, shared_cases, grammar_cases, shape_cases, numerical_cases, column_cases)
