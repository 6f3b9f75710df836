# Reference values from metafor: known sampling variances. Run here: Rscript simulate.R; Rscript make.R
# Each model is fitted by rma or rma.mv; its log-likelihood is compared with that of ../recording.R and
# ../grouped_likelihood.R at metafor's estimates, the maximum is polished, and metafor is asked for its log-likelihood at
# the polished estimates too.
suppressPackageStartupMessages(library(metafor))
source("../recording.R")
source("../grouped_likelihood.R")
source("cases.R")

complete <- function(case, d) {
  used <- c(case$yi, case$vi, all.vars(case$mods), all.vars(case$random), case$group)
  d <- d[complete.cases(d[used]), ]
  for (column in names(d)) if (is.character(d[[column]])) d[[column]] <- factor(d[[column]])
  d
}

intercept_only <- function(case) deparse(case$random) == "~1"

fit_metafor <- function(case, d, ...) {
  d$yi_ <- d[[case$yi]]; d$vi_ <- d[[case$vi]]
  if (is.null(case$random))
    return(rma(yi_, vi_, mods = case$mods, data = d, method = case$method, control = list(threshold = 1e-9, maxiter = 1e5, tol = 1e-13), ...))
  random <- as.formula(paste(deparse(case$random), "|", case$group))
  structured <- !intercept_only(case)
  arguments <- list(yi = d$yi_, V = d$vi_, mods = case$mods, random = random, data = d, method = case$method, ...)
  if (structured) arguments$struct <- if (case$diagonal) "GDIAG" else "GEN"
  do.call(rma.mv, arguments)
}

gamma_of <- function(fit, case) {
  if (case$method == "FE") return(NULL)
  if (is.null(case$random)) return(matrix(fit$tau2))
  if (intercept_only(case)) return(matrix(fit$sigma2))
  unname(as.matrix(fit$G))
}

# metafor's log-likelihood with the variances fixed at Gamma
loglik_of_metafor_at <- function(case, d, Gamma) {
  if (is.null(Gamma)) return(c(logLik(fit_metafor(case, d))))
  if (is.null(case$random)) return(c(logLik(fit_metafor(case, d, tau2 = Gamma[1]))))
  if (intercept_only(case)) return(c(logLik(fit_metafor(case, d, sigma2 = Gamma[1]))))
  R <- suppressWarnings(cov2cor(Gamma)); R[!is.finite(R)] <- 0
  rho <- pmin(pmax(R[lower.tri(R)], -1), 1)
  arguments <- list(case, d, tau2 = diag(Gamma))
  if (length(rho) && !case$diagonal) arguments$rho <- rho
  c(logLik(do.call(fit_metafor, arguments)))
}

likelihood_of <- function(case, d) {
  X <- model.matrix(case$mods, d)
  columns <- if (case$method != "FE") model.matrix(if (is.null(case$random)) ~ 1 else case$random, d)
  grouped_model(y = as.numeric(d[[case$yi]]), X = X, columns = columns, group = if (!is.null(columns)) d[[case$group]],
                diagonal = case$diagonal, reml = case$method == "REML", known = as.numeric(d[[case$vi]]))
}

heterogeneity <- function(fit, case, model, p) {
  q <- list(Q = c(fit$QE), Q_pvalue = c(fit$QEp))
  if (!is.null(case$random)) return(q)
  tau2 <- if (model$k) p$Gamma[1] else 0
  w <- 1 / model$known; k <- length(model$y); n_coef <- ncol(model$X)
  P <- diag(w) - (w * model$X) %*% solve(crossprod(model$X, w * model$X), t(w * model$X))
  typical <- (k - n_coef) / sum(diag(P))
  H2 <- if (model$k) tau2 / typical + 1 else q$Q / (k - n_coef)
  I2 <- if (model$k) 100 * tau2 / (typical + tau2) else max(0, 100 * (q$Q - (k - n_coef)) / q$Q)
  must_agree("I2, H2", c(I2, H2), c(fit$I2, fit$H2), 1e-5)
  c(q, list(tau2 = tau2, I2 = I2, H2 = H2, typical_variance = typical), if (model$k) list(se_tau2 = fit$se.tau2))
}

predictions <- function(case, d, beta, effects) {
  if (is.null(case$newdata)) return(NULL)
  factors <- Filter(function(f) is.factor(d[[f]]), all.vars(case$mods))
  X <- model.matrix(case$mods, divide(case$newdata, case$scale), xlev = lapply(setNames(factors, factors), function(f) levels(d[[f]])))
  Z <- model.matrix(if (is.null(case$random)) ~ 1 else case$random, divide(case$newdata, case$scale))
  level <- if (is.null(case$group)) rep("", nrow(X)) else case$newdata[[case$group]]
  c(list(newdata = lapply(case$newdata, plain_vector)), predict_rows(X, Z, level, beta, effects))
}

divide <- function(d, scale) { for (x in names(scale)) d[[x]] <- d[[x]] / scale[[x]]; d }

# diagonal matrix that takes estimates for the divided columns to estimates for the columns as they are
undo <- function(names_x, scale) diag(vapply(names_x, function(x) if (is.null(scale[[x]])) 1 else 1 / scale[[x]], 0), length(names_x))

unscaled <- function(v, scale) {
  M <- undo(v$names, scale); conjugate <- function(rows, N) plain_matrix(N %*% do.call(rbind, rows) %*% N)
  v$fixef <- plain_vector(drop(M %*% v$fixef)); v$std_error <- plain_vector(drop(M %*% v$std_error)); v$vcov <- conjugate(v$vcov, M)
  shift <- if (v$reml) log(det(M)) else 0
  v$logLik <- v$logLik + shift; v$AIC <- v$AIC - 2 * shift; v$BIC <- v$BIC - 2 * shift
  v$logLik_reml_here <- v$logLik_reml_here + log(det(M)); v$reml <- NULL
  if (is.null(v$random_names)) return(v)
  N <- undo(v$random_names, scale)
  v$cov_re <- conjugate(v$cov_re, N); v$sd_re <- plain_vector(drop(N %*% v$sd_re))
  v$ranef <- lapply(v$ranef, function(u) I(drop(N %*% u))); v$cond_var <- lapply(v$cond_var, conjugate, N)
  v
}

start_from <- function(Gamma, case) if (is.null(Gamma)) numeric() else pack(Gamma, case$diagonal)

describe <- function(case) {
  all_rows <- case_frame(case$data); d <- divide(complete(case, all_rows), case$scale); model <- likelihood_of(case, d)
  fit <- suppressWarnings(fit_metafor(case, d)); of_metafor <- c(logLik(fit))
  Gamma <- gamma_of(fit, case); raw <- start_from(Gamma, case)
  convention <- function(dense) if (case$method == "REML") dense$reml_with_xtx else dense$ml
  must_agree("log-likelihood of metafor", of_metafor, convention(dense_at(model, raw)), 1e-8)
  best <- polish(model, list(raw)); p <- unpack(model, best$parameters); dense <- dense_at(model, best$parameters)
  at_best <- loglik_of_metafor_at(case, d, if (model$k) p$Gamma)
  must_agree("log-likelihood of metafor at the polished maximum", at_best, convention(dense), 1e-7)
  must_agree("fixed effects", c(fit$beta), dense$beta, 1e-3)
  loglik <- pick(model, dense); npar <- ncol(model$X) + length(raw); n <- length(model$y)
  cat(sprintf("%-30s logLik %14.6f  gain over metafor %8.1e  gradient %.1e\n", case$id, loglik, convention(dense) - of_metafor, best$gradient))
  name <- function(x, full = case$full) as.character(formulaic_names(x, d, full))
  effects <- if (model$k) conditional_effects(model, p, dense$beta)
  values <- list(reml = model$reml, nobs = n, n_missing = nrow(all_rows) - n, npar = npar, logLik = loglik, logLik_metafor = convention(dense),
                 logLik_ml_here = dense$ml, logLik_reml_here = dense$reml, gradient = best$gradient,
                 AIC = -2 * loglik + 2 * npar, BIC = -2 * loglik + log(n) * npar,
                 names = I(name(colnames(model$X))), names_r = I(rownames(fit$beta)), fixef = plain_vector(dense$beta),
                 std_error = plain_vector(sqrt(diag(dense$vcov))), vcov = plain_matrix(dense$vcov))
  values <- c(values, if (model$k) random_values(model, p, effects, name(colnames(model$columns), character())),
              heterogeneity(fit, case, model, p),
              list(fitted = plain_vector(conditional_fit(model, dense$beta, effects)), predict = predictions(case, d, dense$beta, effects)))
  values <- unscaled(values, case$scale)
  list(title = case$title, data = case$data, formula = case$formula, variance = if (is.null(case$se)) case$vi, se = case$se,
       reml = case$method == "REML", metafor_method = case$method, results = Filter(Negate(is.null), values))
}

recorded <- lapply(cases, describe)
names(recorded) <- vapply(cases, `[[`, "", "id")
write_cases(lapply(recorded, function(r) Filter(Negate(is.null), r)), c("metafor", "metadat", "jsonlite"),
            paste("logLik is in lme4's convention. metafor's REML log-likelihood (logLik_metafor) is larger by ln|X'X| / 2.",
                  "The log-likelihood was compared with metafor's at metafor's own estimates (1e-8) and at the values here (1e-7).",
                  "AIC and BIC follow from logLik and n; metafor's REML BIC has n - p in place of n.",
                  "cond_var: covariance of the random effects given the data and the estimates, without the part from beta."))
