# The cases of make.R: what is fitted to what.

# ends_at_zero: a residual variance does, which nlme approaches without end, because it searches over logarithms.
# formula: limeform's; fixed and random: nlme's (random: one-sided formula, diagonal: TRUE for ||).
case <- function(id, title, data, formula, fixed, group = NULL, random = NULL, diagonal = FALSE, sigma = "shared",
                 weights = NULL, reml = TRUE, newdata = NULL,
                 ends_at_zero = FALSE) as.list(environment())

pairs <- function(...) lapply(c(TRUE, FALSE), function(reml) {
  one <- case(..., reml = reml)
  one$id <- paste0(one$id, if (reml) "_reml" else "_ml")
  one
})

orthodont <- recipe(dataset = "orthodont")
new_orthodont <- data.frame(age = c(8, 15, 11, 11), Sex = c("Male", "Female", "Female", "Male"), Subject = c("M01", "F11", "F03", "M99"))
machines <- recipe(dataset = "machines")
new_machines <- data.frame(Machine = c("A", "B", "C"), Worker = c("1", "6", "3"))
forty <- recipe(file = "../lme4/data/forty_groups.csv")

cases <- c(
  pairs("orthodont_intercept", "one residual variance, as a check", orthodont, "distance ~ age + (1 | Subject)",
        distance ~ age, "Subject", ~ 1, newdata = new_orthodont),
  pairs("orthodont_sex_intercept", "residual variance by sex, random intercept", orthodont, "distance ~ age * Sex + (1 | Subject)",
        distance ~ age * Sex, "Subject", ~ 1, sigma = "Sex", newdata = new_orthodont),
  pairs("orthodont_sex_slope", "residual variance by sex, random slope", orthodont, "distance ~ age * Sex + (age | Subject)",
        distance ~ age * Sex, "Subject", ~ age, sigma = "Sex", newdata = new_orthodont),
  pairs("orthodont_sex_diagonal", "residual variance by sex, uncorrelated random effects", orthodont,
        "distance ~ age * Sex + (age || Subject)", distance ~ age * Sex, "Subject", ~ age, diagonal = TRUE, sigma = "Sex",
        newdata = new_orthodont),
  pairs("machines_worker", "a residual variance for each group", machines, "score ~ Machine + (1 | Worker)",
        score ~ Machine, "Worker", ~ 1, sigma = "Worker", newdata = new_machines),
  pairs("sleepstudy_subject", "a residual variance for each of 18 groups, random slope", recipe(dataset = "sleepstudy"),
        "Reaction ~ Days + (Days | Subject)", Reaction ~ Days, "Subject", ~ Days, sigma = "Subject",
        newdata = data.frame(Days = c(0, 10), Subject = c("308", "352"))),
  pairs("bodyweight_diet", "residual variance by diet, random slope", recipe(dataset = "bodyweight"),
        "weight ~ Time * Diet + (Time | Rat)", weight ~ Time * Diet, "Rat", ~ Time, sigma = "Diet",
        newdata = data.frame(Time = c(1, 30, 70), Diet = c("1", "2", "3"), Rat = c("1", "9", "17"))),
  pairs("weights_and_sigma", "prior weights within levels of a column", forty, "y ~ t + x + f + (t | g)",
        y ~ t + x + f, "g", ~ t, sigma = "f", weights = "w"),
  pairs("no_bar_sex", "no random effect, residual variance by sex", orthodont, "distance ~ age * Sex",
        distance ~ age * Sex, sigma = "Sex", newdata = new_orthodont),
  pairs("no_bar_subject", "no random effect, a residual variance for each of 27 children", orthodont, "distance ~ age + Sex",
        distance ~ age + Sex, sigma = "Subject"),
  # REML alone: the likelihood itself has no maximum here, it grows without bound where a line passes through two groups of
  # one row and every variance of these goes to zero
  list(case("strata_at_zero_reml", "a residual variance for each group, 18 of 30 with one row: some end at zero",
            recipe(file = "../lme4/data/singletons.csv"), "y ~ x + (1 | g)", y ~ x, "g", ~ 1, sigma = "g", ends_at_zero = TRUE)))
