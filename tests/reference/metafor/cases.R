# The cases of make.R: what is fitted to what.

# formula: limeform's. mods, and random for rma.mv: metafor's. One-row studies are fitted by rma, the others by rma.mv.
# scale: columns that metafor is given divided by this number, where it does not converge otherwise, or not well; transformed back.
# method: "FE" is ML without a random term. se, variance: the column limeform is given.
case <- function(id, title, data, formula, mods = ~ 1, method = "REML", yi = "yi", vi = "vi", se = NULL, group = NULL, random = NULL,
                 diagonal = FALSE, newdata = NULL, full = character(), scale = list()) as.list(environment())

file_data <- function(name) recipe(file = paste0("data/", name, ".csv"))
by_method <- function(methods, id, title, data, formula, ..., one_row = NULL, group = NULL) lapply(methods, function(method) {
  text <- if (method == "FE" || is.null(one_row)) formula else paste0(formula, " + (1 | ", one_row, ")")
  case(paste(id, tolower(method), sep = "_"), title, data, text, method = method,
       group = if (method == "FE") NULL else if (is.null(one_row)) group else one_row, ...)
})
all_three <- c("FE", "ML", "REML"); both <- c("ML", "REML")

rr <- file_data("bcg_risk_ratio"); bcg_new <- data.frame(ablat = c(0, 33, 60), year = c(1950, 1970, 1990), alloc = c("random", "alternate", "systematic"), trial = c(1, 13, 99))
dose <- file_data("dose_studies")
new_dose <- data.frame(dose = c(0, 2, 5), big_dose = c(0, 2e6, 5e6), x = c(0, 1, -1), design = c("cohort", "trial", "trial"), study = c("study01", "study40", "study99"))
alike <- file_data("alike_studies"); line <- file_data("line_studies")

one_row_cases <- c(
  by_method(all_three, "bcg", "BCG: log risk ratio", rr, "yi ~ 1", one_row = "trial", newdata = bcg_new),
  by_method(all_three, "bcg_ablat", "BCG: latitude", rr, "yi ~ ablat", mods = ~ ablat, one_row = "trial", newdata = bcg_new),
  by_method(all_three, "bcg_ablat_year", "BCG: latitude and a year that is not centred", rr, "yi ~ ablat + year", mods = ~ ablat + year,
            one_row = "trial", newdata = bcg_new),
  by_method(all_three, "bcg_alloc", "BCG: a factor", rr, "yi ~ alloc", mods = ~ alloc, one_row = "trial", newdata = bcg_new),
  by_method(both, "bcg_alloc_nointercept", "BCG: a factor without intercept", rr, "yi ~ 0 + alloc", mods = ~ 0 + alloc, full = "alloc",
            one_row = "trial", newdata = bcg_new),
  by_method(both, "bcg_alloc_ablat", "BCG: a factor and a number", rr, "yi ~ alloc + ablat", mods = ~ alloc + ablat, one_row = "trial", newdata = bcg_new),
  by_method(both, "bcg_alloc_by_ablat", "BCG: a factor by a number", rr, "yi ~ alloc * ablat", mods = ~ alloc * ablat, one_row = "trial", newdata = bcg_new),
  by_method(both, "bcg_ablat_squared", "BCG: latitude squared", rr, "yi ~ ablat + I(ablat ** 2)", mods = ~ ablat + I(ablat^2), one_row = "trial", newdata = bcg_new),
  by_method(all_three, "bcg_odds", "BCG: log odds ratio", file_data("bcg_odds_ratio"), "yi ~ 1", one_row = "trial"),
  by_method(all_three, "normand_md", "Normand: mean difference, variances from 1 to 500", file_data("normand_mean_difference"), "yi ~ 1", one_row = "study"),
  by_method(all_three, "normand_smd", "Normand: standardised mean difference", file_data("normand_standardised"), "yi ~ 1", one_row = "study"),
  by_method(both, "remission_dose", "invented trials: dose in mg", file_data("remission_odds_ratio"), "yi ~ dose", mods = ~ dose, one_row = "trial"),
  by_method(all_three, "raudenbush_weeks", "teacher expectations: weeks", recipe(dataset = "raudenbush1985"), "yi ~ weeks", mods = ~ weeks, one_row = "study"),
  by_method(both, "raudenbush_tester", "teacher expectations: setting and tester", recipe(dataset = "raudenbush1985"), "yi ~ setting + tester",
            mods = ~ setting + tester, one_row = "study"),
  by_method(all_three, "bangertdrowns_missing", "writing to learn: moderators with missing values", recipe(dataset = "bangertdrowns2004"),
            "yi ~ length + wic + feedback + info + pers + imag + meta", mods = ~ length + wic + feedback + info + pers + imag + meta, one_row = "id"),
  by_method(all_three, "alike_rows", "heterogeneity ends at zero, one row a study", alike, "yi ~ x", mods = ~ x, one_row = "row"),
  by_method(both, "konstantopoulos_study", "school calendars: studies alone", recipe(dataset = "konstantopoulos2011"), "yi ~ 1", one_row = "study"),
  by_method(both, "one_se_column", "the same as se", file_data("alike_studies"), "yi ~ 1", se = "se", one_row = "row"),
  by_method(all_three, "wide_variances", "standard errors from 0.001 to 100", file_data("odd_sizes"), "yi ~ 1", one_row = "study"),
  by_method(both, "far_apart", "heterogeneity ten million times the sampling variance", file_data("odd_sizes"), "far_yi ~ 1", yi = "far_yi",
            vi = "far_vi", one_row = "study"),
  by_method(all_three, "two_studies", "two studies", file_data("two_studies"), "yi ~ 1", one_row = "study"),
  by_method(all_three, "three_studies", "three studies", file_data("three_studies"), "yi ~ 1", one_row = "study"),
  by_method("FE", "dose_fixed", "weighted least squares with known variances", dose, "yi ~ dose * design", mods = ~ dose * design, newdata = new_dose))

several_rows_cases <- c(
  by_method(both, "konstantopoulos_district", "school calendars: districts, several rows each", recipe(dataset = "konstantopoulos2011"),
            "yi ~ 1 + (1 | district)", random = ~ 1, newdata = data.frame(district = c(11, 644, 999)), group = "district"),
  by_method(both, "konstantopoulos_year", "school calendars: districts, and the year not centred", recipe(dataset = "konstantopoulos2011"),
            "yi ~ year + (1 | district)", mods = ~ year, random = ~ 1, group = "district"),
  by_method(both, "bakdash", "situation awareness: 1 to 64 rows a study, a factor of many levels", recipe(dataset = "bakdash2021"),
            "es_z ~ SA_measure_type + (1 | SampleID)", mods = ~ SA_measure_type, yi = "es_z", vi = "vi_z", random = ~ 1, group = "SampleID"),
  by_method(both, "dose_intercept", "several rows a study, random intercept", dose, "yi ~ dose + design + (1 | study)", mods = ~ dose + design,
            random = ~ 1, newdata = new_dose, group = "study"),
  by_method(both, "dose_slope", "random intercept and slope", dose, "yi ~ dose + (dose | study)", mods = ~ dose, random = ~ dose, newdata = new_dose, group = "study"),
  by_method(both, "dose_slope_alone", "random slope without intercept, no fixed intercept", dose, "yi ~ 0 + dose + (0 + dose | study)",
            mods = ~ 0 + dose, random = ~ 0 + dose, se = "se", newdata = new_dose, group = "study"),
  by_method(both, "dose_slope_diagonal", "uncorrelated intercept and slope", dose, "yi ~ dose + (dose || study)", mods = ~ dose, random = ~ dose,
            diagonal = TRUE, se = "se", newdata = new_dose, group = "study"),
  by_method(both, "dose_three_effects", "three correlated effects", dose, "yi ~ dose + x + (dose + x | study)", mods = ~ dose + x, random = ~ dose + x,
            newdata = new_dose, group = "study"),
  by_method(both, "big_dose_slope", "a dose of the order of a million as random slope", dose, "yi ~ big_dose + (big_dose | study)", mods = ~ big_dose,
            random = ~ big_dose, newdata = new_dose, group = "study", scale = list(big_dose = 1e6)),
  by_method(both, "one_row_slope_alone", "a random slope with one row a study", rr, "yi ~ ablat + (0 + ablat | trial)", mods = ~ ablat,
            random = ~ 0 + ablat, newdata = bcg_new, group = "trial", scale = list(ablat = 50)),
  by_method(both, "one_row_slope", "random intercept and slope with one row a study", rr, "yi ~ 1 + (ablat || trial)", mods = ~ 1,
            random = ~ ablat, diagonal = TRUE, newdata = bcg_new, group = "trial", scale = list(ablat = 50)),
  by_method(both, "alike_intercept", "variance ends at zero, several rows a study", alike, "yi ~ x + (1 | study)", mods = ~ x, random = ~ 1, group = "study"),
  by_method(both, "alike_slope", "both variances end at zero", alike, "yi ~ x + (x | study)", mods = ~ x, random = ~ x, group = "study"),
  by_method(both, "line_slope", "the correlation ends at one", line, "yi ~ x + (x | study)", mods = ~ x, random = ~ x, group = "study"))

cases <- c(one_row_cases, several_rows_cases)
