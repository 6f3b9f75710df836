# Reference values from lme4 (and base R's lm where a formula has no bar). Run here: Rscript simulate.R; Rscript make.R
# Every optimum is polished, and every log-likelihood, fixed effect and standard error is computed a second time with
# dense matrices (../recording.R); the script stops where the two disagree.
suppressPackageStartupMessages({library(lme4); library(Matrix)})
source("../recording.R")
source("cases.R")

# -- fitting ---------------------------------------------------------------------------------------------------------

quiet <- lmerControl(check.conv.singular = "ignore", check.rankX = "silent.drop.cols", check.scaleX = "ignore",
                     check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore", check.nobs.vs.rankZ = "ignore")

parse_model <- function(case, d)
  eval(as.call(c(list(quote(lFormula), as.formula(case$r_formula), quote(d), REML = case$reml, control = quote(quiet)),
                 if (!is.null(case$weights)) list(weights = as.name(case$weights)))))

best_theta <- function(devfun, parsed) {
  lower <- parsed$reTrms$lower
  from <- list(parsed$reTrms$theta, parsed$reTrms$theta * 0.3 + 0.05)
  search <- function(start) {
    first <- nloptwrap(start, devfun, lower = lower, upper = rep(Inf, length(lower)),
                       control = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 1e5))
    nlminb(first$par, devfun, lower = lower, control = list(rel.tol = 1e-15, x.tol = 1e-14, eval.max = 5000, iter.max = 5000))
  }
  found <- lapply(from, search)
  newton_polish(devfun, found[[which.min(vapply(found, `[[`, 0, "objective"))]]$par, lower)
}

fit_tightly <- function(case, d) {
  parsed <- parse_model(case, d)
  devfun <- do.call(mkLmerDevfun, c(parsed, list(control = quiet)))
  theta <- best_theta(devfun, parsed)
  free <- theta > parsed$reTrms$lower + 1e-6
  gradient <- gradient_of(function(z) devfun(replace(theta, free, z)), theta[free])
  opt <- list(par = theta, fval = devfun(theta), conv = 0, message = "polished")
  list(model = mkMerMod(environment(devfun), opt, parsed$reTrms, parsed$fr), gradient = max(abs(gradient), 0),
       dropped = names(attr(parsed$X, "col.dropped")))
}

# -- reading a fitted model ------------------------------------------------------------------------------------------

random_names <- function(m) unlist(getME(m, "cnms"), use.names = FALSE)

# rows of b that belong to each level, in the order of random_names
rows_by_level <- function(m) {
  starts <- getME(m, "Gp"); widths <- lengths(getME(m, "cnms")); levels_n <- diff(starts) / widths
  stopifnot(length(unique(levels_n)) == 1)
  lapply(seq_len(levels_n[1]), function(l)
    unlist(lapply(seq_along(widths), function(i) starts[i] + (l - 1) * widths[i] + seq_len(widths[i]))))
}

conditional_covariance <- function(m) {
  Lambda <- t(as.matrix(getME(m, "Lambdat"))); Z <- as.matrix(getME(m, "Z"))
  inner <- crossprod(Z %*% Lambda, weights(m) * (Z %*% Lambda)) + diag(ncol(Z))
  sigma(m)^2 * Lambda %*% solve(inner, t(Lambda))
}

gamma_matrix <- function(m) as.matrix(bdiag(lapply(VarCorr(m), function(v) matrix(v, nrow(v)))))

# M with beta = M beta_fitted, for columns that were fitted as (x - shift * of) / scale under the name x_s
rescaling <- function(names_r, rescale) {
  M <- diag(nrow = length(names_r)); dimnames(M) <- list(names_r, names_r)
  for (x in names(rescale)) if (paste0(x, "_s") %in% names_r) {
    column <- paste0(x, "_s"); r <- rescale[[x]]
    M[column, column] <- 1 / r$scale
    if (r$shift != 0) M[r$of, column] <- -r$shift / r$scale
  }
  M
}

predictions <- function(m, newdata) {
  if (is.null(newdata)) return(NULL)
  list(newdata = lapply(newdata, plain_vector),
       conditional = plain_vector(predict(m, newdata, allow.new.levels = TRUE)),
       population = plain_vector(predict(m, newdata, re.form = NA)))
}

check_densely <- function(m) {
  Z <- as.matrix(getME(m, "Z")); Lambda <- t(as.matrix(getME(m, "Lambdat")))
  V <- sigma(m)^2 * (tcrossprod(Z %*% Lambda) + diag(1 / weights(m)))
  dense <- dense_likelihood(getME(m, "y") - getME(m, "offset"), getME(m, "X"), V)
  must_agree("log-likelihood", c(logLik(m)), if (isREML(m)) dense$reml else dense$ml, 1e-8)
  must_agree("fixed effects", fixef(m), dense$beta, 1e-6)
  must_agree("standard errors", sqrt(diag(as.matrix(vcov(m)))), sqrt(diag(dense$vcov)), 1e-6)
}

describe <- function(case, d) {
  fitted_model <- fit_tightly(case, d); m <- fitted_model$model
  check_densely(m)
  names_r <- as.character(names(fixef(m))); names_z <- random_names(m)
  M <- rescaling(names_r, case$rescale); Mz <- rescaling(names_z, case$rescale)
  name <- function(x, rename = case$rename_fixed) as.character(formulaic_names(sub("_s$", "", x), d, case$full, rename))
  loglik <- c(logLik(m)) + if (case$reml && nrow(M)) log(det(M)) else 0
  npar <- length(names_r) + length(getME(m, "theta")) + 1
  Gamma <- Mz %*% gamma_matrix(m) %*% t(Mz); sd <- sqrt(diag(Gamma))
  b <- as.matrix(getME(m, "b"))[, 1]; C <- conditional_covariance(m); rows <- rows_by_level(m)
  list(nobs = nobs(m), n_missing = nrow(d) - nobs(m), n_groups = length(rows), npar = npar,
       logLik = loglik, AIC = -2 * loglik + 2 * npar, BIC = -2 * loglik + log(nobs(m)) * npar,
       gradient = fitted_model$gradient,
       names = I(name(names_r)), names_r = I(names_r), fixef = plain_vector(drop(M %*% fixef(m))),
       std_error = plain_vector(sqrt(diag(M %*% as.matrix(vcov(m)) %*% t(M)))),
       vcov = plain_matrix(M %*% as.matrix(vcov(m)) %*% t(M)),
       dropped = I(name(as.character(fitted_model$dropped))),
       random_names = I(name(names_z, case$rename)), cov_re = plain_matrix(Gamma), sd_re = plain_vector(sd),
       sigma = sigma(m), singular = isSingular(m),
       levels = plain_vector(levels(getME(m, "flist")[[1]])),
       ranef = lapply(rows, function(r) I(drop(Mz %*% b[r]))),
       cond_var = lapply(rows, function(r) plain_matrix(Mz %*% C[r, r, drop = FALSE] %*% t(Mz))),
       fitted = plain_vector(fitted(m)), predict = predictions(m, with_scaled(new_rows(case, d), case$rescale)))
}

# new data whose fixed factors have the levels that the rows used have
new_rows <- function(case, d) {
  fixed <- all.vars(nobars(as.formula(case$r_formula))[[3]])
  used <- d[complete.cases(d[intersect(all.vars(as.formula(case$r_formula)), names(d))]), ]
  for (f in intersect(fixed, names(case$newdata))) if (is.factor(d[[f]])) case$newdata[[f]] <- factor(case$newdata[[f]], levels(droplevels(used[[f]])))
  case$newdata
}

with_scaled <- function(d, rescale) {
  for (x in names(rescale)) if (!is.null(d)) {
    r <- rescale[[x]]
    d[[paste0(x, "_s")]] <- (d[[x]] - r$shift * (if (r$of == "(Intercept)") 1 else d[[r$of]])) / r$scale
  }
  d
}

# -- no bar: ordinary and weighted least squares ---------------------------------------------------------------------

describe_lm <- function(case, d) {
  m <- eval(as.call(c(list(quote(lm), as.formula(case$r_formula), quote(d)),
                      if (!is.null(case$weights)) list(weights = as.name(case$weights)))))
  kept <- names(coef(m))[!is.na(coef(m))]; n <- nobs(m); p <- length(kept)
  w <- if (is.null(case$weights)) rep(1, n) else weights(m)
  s2 <- sum(w * residuals(m)^2) / if (case$reml) n - p else n
  X <- model.matrix(m)[, kept, drop = FALSE]
  dense <- dense_likelihood(fitted(m) + residuals(m) - if (is.null(m$offset)) 0 else m$offset, X, diag(s2 / w))
  must_agree("fixed effects", coef(m)[kept], dense$beta, 1e-8)
  loglik <- if (case$reml) dense$reml else dense$ml
  must_agree("log-likelihood of lm", c(logLik(m, REML = case$reml)), loglik, 1e-8)
  name <- function(x) unname(formulaic_names(x, d, case$full))
  list(nobs = n, n_missing = nrow(d) - n, npar = p + 1, logLik = loglik, AIC = -2 * loglik + 2 * (p + 1),
       BIC = -2 * loglik + log(n) * (p + 1), gradient = 0, names = I(name(kept)), names_r = I(kept),
       fixef = plain_vector(coef(m)[kept]), std_error = plain_vector(sqrt(diag(dense$vcov))), vcov = plain_matrix(dense$vcov),
       dropped = I(name(setdiff(names(coef(m)), kept))), sigma = sqrt(s2), fitted = plain_vector(fitted(m)),
       predict = if (!is.null(case$newdata)) {
         population <- suppressWarnings(plain_vector(predict(m, case$newdata)))
         list(newdata = lapply(case$newdata, plain_vector), conditional = population, population = population)
       })
}

# -- all ---------------------------------------------------------------------------------------------------------------

record <- function(case) {
  d <- with_scaled(case_frame(case$data), case$rescale)
  for (column in names(case$dummies)) d[[column]] <- as.numeric(eval(parse(text = case$dummies[[column]]), d))
  results <- if (length(findbars(as.formula(case$r_formula)))) describe(case, d) else describe_lm(case, d)
  cat(sprintf("%-34s logLik %14.6f  gradient %.1e%s\n", case$id, results$logLik, results$gradient,
              if (isTRUE(results$singular)) "  singular" else ""))
  list(title = case$title, data = case$data, formula = case$formula, weights = case$weights, reml = case$reml,
       r_formula = case$r_formula, results = Filter(Negate(is.null), results))
}

recorded <- lapply(cases, record)
names(recorded) <- vapply(cases, `[[`, "", "id")
write_cases(lapply(recorded, function(r) Filter(Negate(is.null), r)), c("lme4", "Matrix", "jsonlite"),
            paste("Optimum: nloptwrap (xtol 1e-12), nlminb (rel.tol 1e-15), then Newton steps with Richardson differences;",
                  "gradient is that of the deviance in lme4's theta. Names are written as formulaic writes them."))
