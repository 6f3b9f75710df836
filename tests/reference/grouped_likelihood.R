# The marginal likelihood of a mixed model with one grouping factor, written out group by group, for packages whose own
# optimiser stops too early (nlme, metafor). make.R of these packages first checks that it equals the package's
# log-likelihood at the package's estimates; its maximum is then the maximum of the package's likelihood.
#
# Parameters: a root of Gamma (its lower triangle, or its diagonal), then ln of each residual SD unless these are known
# (plain_sigma: the SD itself, for those that end at zero).

grouped_model <- function(y, X, columns = NULL, group = NULL, diagonal = FALSE, reml = TRUE, known = NULL,
                          stratum = factor(rep("shared", length(y))), a = rep(1, length(y)), plain_sigma = FALSE) {
  rows <- if (is.null(columns)) as.list(seq_along(y)) else split(seq_along(y), factor(group))
  list(y = y, X = X, columns = columns, group = if (!is.null(group)) factor(group), diagonal = diagonal, reml = reml,
       known = known, stratum = stratum, a = a, plain_sigma = plain_sigma, k = if (is.null(columns)) 0 else ncol(columns), rows = rows)
}

unpack <- function(model, parameters) {
  k <- model$k; n_root <- if (model$diagonal) k else k * (k + 1) / 2
  L <- matrix(0, k, k)
  if (k) { if (model$diagonal) diag(L) <- parameters[seq_len(k)] else L[lower.tri(L, TRUE)] <- parameters[seq_len(n_root)] }
  list(Gamma = tcrossprod(L), sigma = if (is.null(model$known)) (if (model$plain_sigma) abs else exp)(parameters[n_root + seq_len(nlevels(model$stratum))]))
}

pack <- function(Gamma, diagonal, sigma_part = numeric()) {
  if (is.null(Gamma)) return(unname(sigma_part))
  root <- if (diagonal) sqrt(diag(Gamma)) else lower_root(Gamma)[lower.tri(Gamma, TRUE)]
  unname(c(root, sigma_part))
}

# a lower triangular root that exists for singular matrices too
lower_root <- function(Gamma) {
  e <- eigen(Gamma, symmetric = TRUE)
  R <- qr.R(qr(t(e$vectors %*% diag(sqrt(pmax(e$values, 0)), nrow(Gamma)))))
  t(R)
}

noise_variance <- function(model, p) if (is.null(model$known)) p$sigma[as.integer(model$stratum)]^2 / model$a else model$known

marginal_covariance <- function(model, p) {
  noise <- diag(noise_variance(model, p), length(model$y))
  if (model$k == 0) return(noise)
  noise + (model$columns %*% p$Gamma %*% t(model$columns)) * outer(model$group, model$group, "==")
}

dense_at <- function(model, parameters) dense_likelihood(model$y, model$X, marginal_covariance(model, unpack(model, parameters)))

pick <- function(model, dense) if (model$reml) dense$reml else dense$ml

loglik_by_group <- function(model, parameters) {
  p <- unpack(model, parameters); noise <- noise_variance(model, p)
  q <- ncol(model$X); i <- seq_len(q); C <- matrix(0, q + 1, q + 1); log_det <- 0
  for (r in model$rows) {
    V <- diag(noise[r], length(r))
    if (model$k) V <- V + model$columns[r, , drop = FALSE] %*% p$Gamma %*% t(model$columns[r, , drop = FALSE])
    U <- chol(V)
    C <- C + crossprod(backsolve(U, cbind(model$X[r, , drop = FALSE], model$y[r]), transpose = TRUE))
    log_det <- log_det + 2 * sum(log(diag(U)))
  }
  rss <- C[q + 1, q + 1] - sum(C[i, q + 1] * solve(C[i, i], C[i, q + 1])); n <- length(model$y)
  -0.5 * ((if (model$reml) n - q else n) * log(2 * pi) + log_det + rss +
            if (model$reml) c(determinant(C[i, i, drop = FALSE])$modulus) else 0)
}

# starts: a list of parameter vectors; the best of the maxima they lead to
polish <- function(model, starts) {
  if (length(starts[[1]]) == 0) return(list(parameters = starts[[1]], gradient = 0))
  objective <- function(x) tryCatch(-loglik_by_group(model, x), error = function(e) Inf)
  control <- list(rel.tol = 1e-15, x.tol = 1e-14, eval.max = 5000, iter.max = 2000)
  searches <- lapply(starts, function(x) { found <- nlminb(x, objective, control = control); nlminb(found$par, objective, control = control) })
  best <- newton_polish(objective, searches[[which.min(vapply(searches, `[[`, 0, "objective"))]]$par, steps = 5)
  list(parameters = best, gradient = max(abs(gradient_of(objective, best))))
}

# conditional mean and covariance of the random effects of each group
conditional_effects <- function(model, p, beta) {
  V <- marginal_covariance(model, p); r <- model$y - drop(model$X %*% beta); G <- p$Gamma
  lapply(model$rows, function(i) {
    ZG <- model$columns[i, , drop = FALSE] %*% G
    list(u = drop(crossprod(ZG, solve(V[i, i], r[i]))), C = G - crossprod(ZG, solve(V[i, i], ZG)), rows = i)
  })
}

conditional_fit <- function(model, beta, effects) {
  fitted <- drop(model$X %*% beta)
  for (e in effects) fitted[e$rows] <- fitted[e$rows] + drop(model$columns[e$rows, , drop = FALSE] %*% e$u)
  fitted
}

# rows of new data; a level without an estimate counts as an average one
predict_rows <- function(X, Z, level, beta, effects) {
  population <- drop(X %*% beta)
  added <- vapply(seq_along(population), function(i) {
    e <- effects[[as.character(level[i])]]
    if (is.null(e)) 0 else sum(Z[i, ] * e$u)
  }, 0)
  list(population = plain_vector(population), conditional = plain_vector(population + added))
}

random_values <- function(model, p, effects, names_z)
  list(n_groups = length(effects), random_names = I(names_z), cov_re = plain_matrix(p$Gamma),
       sd_re = plain_vector(sqrt(diag(p$Gamma))), levels = I(names(effects)), ranef = unname(lapply(effects, function(e) I(unname(e$u)))),
       cond_var = unname(lapply(effects, function(e) plain_matrix(e$C))))
