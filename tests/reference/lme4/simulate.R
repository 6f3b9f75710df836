# Invented data for cases that no shipped data set covers; values rounded, so that the CSV holds them exactly.
set.seed(20240611)

# Forty groups of 2 to 14 rows. Columns: t time, x and z covariates, f a factor, w prior weights, o an offset.
# y has correlated intercepts and slopes in t, x, z.
forty_groups <- function() {
  sizes <- sample(2:14, 40, replace = TRUE)
  g <- rep(sprintf("g%02d", 1:40), sizes)
  n <- length(g)
  d <- data.frame(g = g, t = round(runif(n, 0, 5), 2), x = round(rnorm(n), 3), z = round(rnorm(n), 3),
                  f = sample(c("high", "low", "mid"), n, replace = TRUE),
                  w = round(runif(n, 0.2, 4), 2), o = round(rnorm(n, 3, 2), 2))
  root <- matrix(c(2.0, 0.5, -0.4, 0.3, 0, 0.8, 0.2, -0.3, 0, 0, 0.7, 0.2, 0, 0, 0, 0.6), 4)
  b <- matrix(rnorm(160), 40) %*% t(root)
  i <- as.integer(factor(g))
  mean_y <- 10 + 1.5 * d$t - 0.7 * d$x + 0.3 * d$z + c(high = 0, low = -2, mid = 1)[d$f]
  d$y <- round(mean_y + rowSums(cbind(1, d$t, d$x, d$z) * b[i, ]) + rnorm(n, sd = 1.2 / sqrt(d$w)), 4)
  d
}

# Thirty groups, eighteen of them with one row
singletons <- function() {
  g <- rep(sprintf("s%02d", 1:30), c(rep(1, 18), sample(2:9, 12, replace = TRUE)))
  n <- length(g)
  x <- round(runif(n, -2, 2), 3)
  b <- matrix(rnorm(60, sd = rep(c(1.5, 0.6), each = 30)), 30)
  i <- as.integer(factor(g))
  d <- data.frame(g, x, y = round(4 + 0.8 * x + b[i, 1] + b[i, 2] * x + rnorm(n), 4))
  d[sample(n), ]
}

# A year that is not centred and a dose of the order of a million
badly_scaled <- function() {
  g <- rep(sprintf("c%02d", 1:24), each = 8)
  n <- length(g)
  year <- sample(1950:2020, n, replace = TRUE)
  dose <- round(runif(n, 0.2e6, 3e6))
  i <- as.integer(factor(g))
  b <- cbind(rnorm(24, sd = 2), rnorm(24, sd = 0.05), rnorm(24, sd = 0.8e-6))
  y <- 20 + 0.08 * (year - 1985) + 1.5e-6 * dose + b[i, 1] + b[i, 2] * (year - 1985) + b[i, 3] * dose + rnorm(n, sd = 1.5)
  data.frame(g, year, dose, y = round(y, 4))
}

# Random slopes whose variance, or whose correlation, ends at the edge; effects hundreds, and ten thousand, times larger than the noise
at_the_edge <- function() {
  g <- rep(sprintf("e%02d", 1:15), each = 6)
  x <- rep(c(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5), 15)
  i <- as.integer(factor(g))
  b <- rnorm(15, sd = 1.2)
  e <- rnorm(90)
  flat <- e - ave(e * x, g) * x / mean(x[1:6]^2)      # no slope is left in the noise of any group
  data.frame(g, x, y_flat = round(2 + 0.5 * x + b[i] + flat, 4),
             y_line = round(2 + 0.5 * x + b[i] * (1 + 0.35 * x) + 0.3 * e, 4),
             y_strong = round(2 + 0.5 * x + 10 * b[i] + 3 * rev(b)[i] * x + 0.05 * e, 6),
             y_sharp = round(2 + 0.5 * x + 10 * b[i] + 3 * rev(b)[i] * x + 1e-3 * e, 6))
}

# Two factors that say the same, columns that are sums of others, and one that is almost a copy
dependent_columns <- function() {
  n <- 90
  g <- rep(sprintf("d%02d", 1:15), each = 6)
  x <- round(rnorm(n), 2); z <- round(rnorm(n), 2)
  f <- sample(c("a", "b", "c"), n, replace = TRUE)
  d <- data.frame(g, x, z, sum_xz = round(x + 2 * z, 2), five = 5, f, same_f = c(a = "p", b = "q", c = "r")[f],
                  near_x = x + round(1e-4 * z, 7))
  i <- as.integer(factor(g))
  d$y <- round(1 + x - 0.5 * z + c(a = 0, b = 1, c = 2)[f] + rnorm(15)[i] + rnorm(n), 4)
  d
}

write_plain <- function(d, name) write.csv(d, paste0("data/", name, ".csv"), row.names = FALSE)
dir.create("data", showWarnings = FALSE)
options(digits = 15)
write_plain(forty_groups(), "forty_groups")
write_plain(singletons(), "singletons")
write_plain(badly_scaled(), "badly_scaled")
write_plain(at_the_edge(), "at_the_edge")
write_plain(dependent_columns(), "dependent_columns")
