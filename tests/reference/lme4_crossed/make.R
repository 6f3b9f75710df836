# Reference values from lme4 for several grouping factors. Run here: Rscript simulate.R; Rscript make.R
# Optima are polished, and log-likelihoods, fixed effects and standard errors computed a second time with dense matrices.
suppressPackageStartupMessages({library(lme4); library(Matrix)})
source("../recording.R")

case <- function(id, data, formula, reml = TRUE, r_formula = formula, weights = NULL) as.list(environment())
both <- function(id, ...) list(case(paste0(id, "_reml"), ..., reml = TRUE), case(paste0(id, "_ml"), ..., reml = FALSE))
partly <- recipe(file = "data/partly_crossed.csv"); nested <- recipe(file = "data/nested_and_crossed.csv")

cases <- c(
  both("penicillin", recipe(dataset = "penicillin"), "diameter ~ 1 + (1 | plate) + (1 | sample)"),
  both("pastes", recipe(dataset = "pastes"), "strength ~ 1 + (1 | batch/cask)"),
  both("machines_nested", recipe(dataset = "machines"), "score ~ Machine + (1 | Worker/Machine)"),
  both("cake", recipe(dataset = "cake"), "angle ~ recipe + temp + (1 | replicate) + (1 | recipe:replicate)"),
  both("slopes_on_both", partly, "y ~ x + z + (x | a) + (z | b)"),
  both("weights", partly, "y ~ x + z + (x | a) + (1 | b)", weights = "w"),
  both("diagonal", partly, "y ~ x + z + (x || a) + (z || b)"),
  both("nested_and_crossed", nested, "y ~ x + (1 | school/klass/pupil) + (1 | rater)"),
  both("nested_slopes", nested, "y ~ x + (1 | school) + (x | klass)"),
  both("apart", recipe(file = "data/apart.csv"), "y ~ x + (1 | pupil) + (x | teacher) + (1 | school)"),
  both("no_variance", recipe(file = "data/no_variance.csv"), "y ~ x + (1 | a) + (1 | b)")
)

quiet <- lmerControl(check.conv.singular = "ignore")

fit_tightly <- function(case, d) {
  parsed <- eval(as.call(c(list(quote(lFormula), as.formula(case$r_formula), quote(d), REML = case$reml, control = quote(quiet)),
                           if (!is.null(case$weights)) list(weights = as.name(case$weights)))))
  devfun <- do.call(mkLmerDevfun, c(parsed, list(control = quiet)))
  lower <- parsed$reTrms$lower
  from <- list(parsed$reTrms$theta, parsed$reTrms$theta * 0.3 + 0.05)
  found <- lapply(from, function(start) {
    first <- nloptwrap(start, devfun, lower = lower, upper = rep(Inf, length(lower)),
                       control = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 1e5))
    nlminb(first$par, devfun, lower = lower, control = list(rel.tol = 1e-15, x.tol = 1e-14, eval.max = 5000, iter.max = 5000))
  })
  theta <- newton_polish(devfun, found[[which.min(vapply(found, `[[`, 0, "objective"))]]$par, lower)
  theta <- ifelse(lower == 0 & theta < 1e-5, 0, theta)
  free <- theta > lower + 1e-6
  gradient <- gradient_of(function(z) devfun(replace(theta, free, z)), theta[free])
  opt <- list(par = theta, fval = devfun(theta), conv = 0, message = "polished")
  list(model = mkMerMod(environment(devfun), opt, parsed$reTrms, parsed$fr), gradient = max(abs(gradient), 0))
}

check_densely <- function(m) {
  Z <- as.matrix(getME(m, "Z")); Lambda <- t(as.matrix(getME(m, "Lambdat")))
  V <- sigma(m)^2 * (tcrossprod(Z %*% Lambda) + diag(1 / weights(m)))
  dense <- dense_likelihood(getME(m, "y"), getME(m, "X"), V)
  must_agree("log-likelihood", c(logLik(m)), if (isREML(m)) dense$reml else dense$ml, 1e-8)
  must_agree("fixed effects", fixef(m), dense$beta, 1e-6)
  must_agree("standard errors", sqrt(diag(as.matrix(vcov(m)))), sqrt(diag(dense$vcov)), 1e-6)
}

# by factor (several terms on one factor, as || makes them, together): variances, modes and conditional covariances
by_factor <- function(m) {
  Lambda <- t(as.matrix(getME(m, "Lambdat"))); Z <- as.matrix(getME(m, "Z"))
  inner <- crossprod(Z %*% Lambda, weights(m) * (Z %*% Lambda)) + diag(ncol(Z))
  C <- sigma(m)^2 * Lambda %*% solve(inner, t(Lambda)); b <- as.matrix(getME(m, "b"))[, 1]
  names_by_term <- getME(m, "cnms"); starts <- getME(m, "Gp"); fl <- getME(m, "flist"); assign <- attr(fl, "assign")
  found <- lapply(seq_along(fl), function(f) {
    terms <- which(assign == f); widths <- lengths(names_by_term)[terms]; m_levels <- nlevels(fl[[f]])
    rows <- lapply(seq_len(m_levels), function(l) unlist(lapply(terms, function(i) {
      k <- length(names_by_term[[i]]); starts[i] + (l - 1) * k + seq_len(k) })))
    effects <- unlist(names_by_term[terms], use.names = FALSE)
    list(effects = I(sub("(Intercept)", "Intercept", effects, fixed = TRUE)), levels = I(levels(fl[[f]])),
         cov = plain_matrix(as.matrix(bdiag(lapply(VarCorr(m)[terms], function(v) matrix(v, nrow(v)))))),
         ranef = lapply(rows, function(r) I(b[r])), cond_var = lapply(rows, function(r) plain_matrix(C[r, r, drop = FALSE])))
  })
  setNames(found, names(fl))
}

record <- function(case) {
  d <- case_frame(case$data)
  fitted_model <- fit_tightly(case, d); m <- fitted_model$model
  check_densely(m)
  cat(sprintf("%-28s logLik %14.6f  gradient %.1e%s\n", case$id, c(logLik(m)), fitted_model$gradient, if (isSingular(m)) "  singular" else ""))
  npar <- length(fixef(m)) + length(getME(m, "theta")) + 1
  names_r <- names(fixef(m))
  list(title = case$id, data = case$data, formula = case$formula, weights = case$weights, reml = case$reml, r_formula = case$r_formula,
       results = list(nobs = nobs(m), logLik = c(logLik(m)), AIC = -2 * c(logLik(m)) + 2 * npar,
                      BIC = -2 * c(logLik(m)) + log(nobs(m)) * npar, gradient = fitted_model$gradient,
                      names = I(as.character(formulaic_names(names_r, d))), fixef = plain_vector(fixef(m)),
                      std_error = plain_vector(sqrt(diag(as.matrix(vcov(m))))), vcov = plain_matrix(as.matrix(vcov(m))),
                      sigma = sigma(m), singular = isSingular(m), factors = by_factor(m), fitted = plain_vector(fitted(m))))
}

recorded <- lapply(cases, record)
names(recorded) <- vapply(cases, `[[`, "", "id")
write_cases(lapply(recorded, function(r) Filter(Negate(is.null), r)), c("lme4", "Matrix", "jsonlite"),
            "Optimum: nloptwrap, nlminb, then Newton steps; gradient is that of the deviance in lme4's theta.")
