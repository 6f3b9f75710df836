# The data of the cases: effect sizes computed by metafor's escalc from shipped data sets, and invented studies.
suppressPackageStartupMessages({library(metafor)})
source("../recording.R")
set.seed(20240612)

effect_sizes <- function() {
  bcg <- shipped("bcg"); normand <- shipped("normand1999"); remission <- shipped("viechtbauer2021")
  means <- function(measure) escalc(measure, m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = normand)
  tables <- function(measure) escalc(measure, ai = tpos, bi = tneg, ci = cpos, di = cneg, data = bcg)
  list(bcg_risk_ratio = tables("RR"), bcg_odds_ratio = tables("OR"),
       normand_mean_difference = means("MD"), normand_standardised = means("SMD"),
       remission_odds_ratio = escalc("OR", ai = xTi, n1i = nTi, ci = xCi, n2i = nCi, data = remission))
}

# Forty studies with one to eight rows; effects depend on dose and x, differently from study to study
dose_studies <- function() {
  sizes <- c(rep(1, 8), sample(2:8, 32, replace = TRUE))
  study <- rep(sprintf("study%02d", sample(40)), sizes)
  n <- length(study); i <- as.integer(factor(study))
  d <- data.frame(study, dose = round(runif(n, 0, 4), 2), x = round(rnorm(n), 2),
                  design = sample(c("cohort", "trial"), n, replace = TRUE), se = round(runif(n, 0.05, 0.35), 3))
  root <- matrix(c(0.4, -0.1, 0.05, 0, 0.25, 0.08, 0, 0, 0.2), 3)
  b <- matrix(rnorm(120), 40) %*% t(root)
  d$yi <- round(0.1 + 0.3 * d$dose - 0.1 * d$x + rowSums(cbind(1, d$dose, d$x) * b[i, ]) + rnorm(n, sd = d$se), 4)
  d$big_dose <- d$dose * 1e6
  d$vi <- d$se^2
  d
}

# Studies that differ by less than their standard errors: every heterogeneity variance ends at zero
alike_studies <- function() {
  n <- 36; study <- rep(sprintf("s%02d", 1:12), each = 3)
  d <- data.frame(study, row = seq_len(n), x = rep(c(-1, 0, 1), 12), se = round(runif(n, 0.1, 0.4), 3))
  d$yi <- round(0.5 + 0.2 * d$x + rnorm(n, sd = 0.6 * d$se), 4)
  d$vi <- d$se^2
  d
}

# The slope of every study follows from its intercept: the correlation ends at one
line_studies <- function() {
  study <- rep(sprintf("s%02d", 1:14), each = 5)
  n <- length(study); i <- as.integer(factor(study)); b <- rnorm(14, sd = 0.5)
  d <- data.frame(study, x = rep(c(-2, -1, 0, 1, 2), 14), se = round(runif(n, 0.05, 0.2), 3))
  d$yi <- round(1 + 0.1 * d$x + b[i] * (1 + 0.3 * d$x) + rnorm(n, sd = 0.8 * d$se), 4)
  d$vi <- d$se^2
  d
}

# Few studies, and sampling variances or effects of very different sizes
odd_sizes <- function() {
  k <- 15; se <- round(10^runif(k, -3, 2), 5)
  d <- data.frame(study = sprintf("s%02d", 1:k), se, yi = round(0.3 + rnorm(k, sd = 0.4) + rnorm(k, sd = se), 5))
  d$vi <- d$se^2
  d$far_yi <- round(rnorm(k, sd = 50), 3); d$far_vi <- (round(runif(k, 0.01, 0.02), 4))^2
  d
}
few_studies <- function(k) {
  d <- data.frame(study = sprintf("s%d", seq_len(k)), yi = c(0.9, 0.1, 0.6)[seq_len(k)], se = c(0.2, 0.25, 0.15)[seq_len(k)])
  d$vi <- d$se^2
  d
}

dir.create("data", showWarnings = FALSE)
tables <- c(effect_sizes(), list(dose_studies = dose_studies(), alike_studies = alike_studies(), line_studies = line_studies(),
                                   odd_sizes = odd_sizes(), two_studies = few_studies(2), three_studies = few_studies(3)))
for (name in names(tables)) write_exactly(as.data.frame(tables[[name]]), file.path("data", paste0(name, ".csv")))
