# Reference values from nlme: residual variances that differ between the levels of a column. Run here: Rscript make.R
# lme and gls are run to tight tolerances; their log-likelihood is then compared with that of ../recording.R and
# ../grouped_likelihood.R at the same parameters, and the maximum is polished by Newton steps, because nlme stops early.
suppressPackageStartupMessages(library(nlme))
source("../recording.R")
source("../grouped_likelihood.R")
source("cases.R")

variance_function <- function(case) {
  by_level <- if (case$sigma != "shared") varIdent(form = as.formula(paste("~ 1 |", case$sigma)))
  by_weight <- if (!is.null(case$weights)) varFixed(as.formula(sprintf("~ I(1 / %s)", case$weights)))
  if (is.null(by_level)) by_weight else if (is.null(by_weight)) by_level else varComb(by_level, by_weight)
}

fit_nlme <- function(case, d) {
  method <- if (case$reml) "REML" else "ML"
  w <- variance_function(case)
  if (is.null(case$random))
    return(do.call(gls, list(case$fixed, d, weights = w, method = method,
                             control = glsControl(tolerance = 1e-12, msTol = 1e-12, maxIter = 500, msMaxIter = 500))))
  block <- if (case$diagonal) pdDiag(case$random) else pdSymm(case$random)
  control <- lmeControl(tolerance = 1e-12, msTol = 1e-12, maxIter = if (case$ends_at_zero) 100 else 500, msMaxIter = 500, niterEM = 100,
                        returnObject = TRUE)
  do.call(lme, list(case$fixed, d, random = setNames(list(block), case$group), weights = w, method = method, control = control))
}

likelihood_of <- function(case, d) {
  stratum <- if (case$sigma == "shared") rep("shared", nrow(d)) else d[[case$sigma]]
  grouped_model(y = model.response(model.frame(case$fixed, d)), X = model.matrix(case$fixed, d),
                columns = if (!is.null(case$random)) model.matrix(case$random, d), group = if (!is.null(case$random)) d[[case$group]],
                diagonal = case$diagonal, reml = case$reml, stratum = factor(stratum),
                plain_sigma = case$ends_at_zero,
                a = if (is.null(case$weights)) rep(1, nrow(d)) else d[[case$weights]])
}

parameters_of <- function(fit, model) {
  relative <- c(shared = 1)
  if (nlevels(model$stratum) > 1) {
    v <- fit$modelStruct$varStruct
    relative <- coef(if (inherits(v, "varComb")) v[[1]] else v, unconstrained = FALSE, allCoef = TRUE)
  }
  Gamma <- if (model$k) as.matrix(fit$modelStruct$reStruct[[1]]) * fit$sigma^2
  sigma <- fit$sigma * relative[levels(model$stratum)]
  pack(Gamma, model$diagonal, if (model$plain_sigma) sigma else log(sigma))
}

predictions <- function(case, d, beta, effects) {
  if (is.null(case$newdata)) return(NULL)
  factors <- Filter(function(f) is.factor(d[[f]]), intersect(all.vars(case$fixed), names(d)))
  X <- model.matrix(delete.response(terms(case$fixed)), case$newdata, xlev = lapply(setNames(factors, factors), function(f) levels(d[[f]])))
  Z <- if (!is.null(case$random)) model.matrix(case$random, case$newdata)
  level <- if (is.null(case$group)) rep("", nrow(X)) else case$newdata[[case$group]]
  c(list(newdata = lapply(case$newdata, plain_vector)), predict_rows(X, Z, level, beta, effects))
}

describe <- function(case) {
  d <- case_frame(case$data); model <- likelihood_of(case, d)
  fit <- fit_nlme(case, d); of_nlme <- c(logLik(fit))
  raw <- parameters_of(fit, model)
  tolerance <- if (case$ends_at_zero) 1e-6 else 1e-9
  must_agree("log-likelihood of nlme", of_nlme, pick(model, dense_at(model, raw)), tolerance)
  must_agree("log-likelihood by group", loglik_by_group(model, raw), pick(model, dense_at(model, raw)), tolerance)
  best <- polish(model, c(list(raw), if (case$ends_at_zero) list(rep(1, length(raw)), rep(0.3, length(raw))))); p <- unpack(model, best$parameters); dense <- dense_at(model, best$parameters)
  loglik <- pick(model, dense); npar <- ncol(model$X) + length(raw); n <- length(model$y)
  stopifnot(npar == attr(logLik(fit), "df"), loglik >= of_nlme - 1e-9)
  cat(sprintf("%-30s logLik %14.6f  gain over nlme %.1e  gradient %.1e\n", case$id, loglik, loglik - of_nlme, best$gradient))
  name <- function(x) as.character(formulaic_names(x, d))
  effects <- if (model$k) conditional_effects(model, p, dense$beta)
  values <- list(nobs = n, npar = npar, logLik = loglik, logLik_nlme = of_nlme, gradient = best$gradient,
                 AIC = -2 * loglik + 2 * npar, BIC = -2 * loglik + log(n) * npar,
                 names = I(name(colnames(model$X))), names_r = I(colnames(model$X)), fixef = plain_vector(dense$beta),
                 std_error = plain_vector(sqrt(diag(dense$vcov))), vcov = plain_matrix(dense$vcov),
                 sigma_levels = I(levels(model$stratum)), sigma = plain_vector(p$sigma))
  values <- c(values, if (model$k) random_values(model, p, effects, name(colnames(model$columns))),
              list(fitted = plain_vector(conditional_fit(model, dense$beta, effects)), predict = predictions(case, d, dense$beta, effects)))
  list(title = case$title, data = case$data, formula = case$formula, sigma = case$sigma, weights = case$weights,
       reml = case$reml, results = Filter(Negate(is.null), values))
}

recorded <- lapply(cases, describe)
names(recorded) <- vapply(cases, `[[`, "", "id")
write_cases(lapply(recorded, function(r) Filter(Negate(is.null), r)), c("nlme", "jsonlite"),
            paste("lme and gls with tight tolerances; their log-likelihood equals the dense one at their estimates to 1e-9;",
                  "the values are at the maximum of that function, polished by Newton steps (gradient in roots of Gamma and ln sigma)."))
